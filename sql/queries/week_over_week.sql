-- Which workloads need more, or less, than a week ago?
-- cluster: name, empty for all
-- until: day after the last, default the day after the newest roll-up
-- limit: rows, default 20
WITH split AS (
    SELECT (:'until'::timestamp AT TIME ZONE 'UTC') - interval '7 days' AS instant
), weeks AS (
    SELECT cluster, workload_id,
           avg(cpu_usage_cores_mean) FILTER (WHERE timestamp >= instant) AS cpu_now,
           avg(cpu_usage_cores_mean) FILTER (WHERE timestamp < instant) AS cpu_before,
           avg(memory_usage_bytes_mean) FILTER (WHERE timestamp >= instant) AS memory_now,
           avg(memory_usage_bytes_mean) FILTER (WHERE timestamp < instant) AS memory_before
    FROM workload_hours, split
    WHERE (:'cluster' = '' OR cluster = :'cluster')
      AND timestamp >= (:'until'::timestamp AT TIME ZONE 'UTC') - interval '14 days'
      AND timestamp < :'until'::timestamp AT TIME ZONE 'UTC'
    GROUP BY cluster, workload_id
)
SELECT cluster, workload_id,
       cpu_before AS cpu_cores_week_before, cpu_now AS cpu_cores_last_week, cpu_now / nullif(cpu_before, 0) - 1 AS cpu_change,
       memory_before AS memory_bytes_week_before, memory_now AS memory_bytes_last_week,
       memory_now / nullif(memory_before, 0) - 1 AS memory_change
FROM weeks
ORDER BY abs(cpu_now - cpu_before) DESC NULLS LAST, cluster, workload_id
LIMIT :'limit'::integer;
