-- Which workloads need more, or less, than a week ago?
-- cluster: name, empty for all
-- until: day after the last, default the day after the newest roll-up
-- limit: rows, default 20
WITH split AS (
    SELECT :'until'::date - 7 AS day
), weeks AS (
    SELECT cluster, workload_id,
           sum(cpu_used_core_hours) FILTER (WHERE date >= day)
               / nullif(sum(cpu_hours) FILTER (WHERE date >= day), 0) AS cpu_now,
           sum(cpu_used_core_hours) FILTER (WHERE date < day)
               / nullif(sum(cpu_hours) FILTER (WHERE date < day), 0) AS cpu_before,
           sum(memory_used_byte_hours) FILTER (WHERE date >= day)
               / nullif(sum(memory_hours) FILTER (WHERE date >= day), 0) AS memory_now,
           sum(memory_used_byte_hours) FILTER (WHERE date < day)
               / nullif(sum(memory_hours) FILTER (WHERE date < day), 0) AS memory_before
    FROM workload_days, split
    WHERE (:'cluster' = '' OR cluster = :'cluster')
      AND date >= :'until'::date - 14
      AND date < :'until'::date
    GROUP BY cluster, workload_id
)
SELECT cluster, workload_id,
       cpu_before AS cpu_cores_week_before, cpu_now AS cpu_cores_last_week,
       cpu_now / nullif(cpu_before, 0) - 1 AS cpu_change,
       memory_before AS memory_bytes_week_before, memory_now AS memory_bytes_last_week,
       memory_now / nullif(memory_before, 0) - 1 AS memory_change
FROM weeks
ORDER BY abs(cpu_now - cpu_before) DESC NULLS LAST, cluster, workload_id
LIMIT :'limit'::integer;
