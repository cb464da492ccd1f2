-- How busy is each service at each hour of the day?
-- cluster: name, empty for all
-- since: first day, default 7 days before until
-- until: day after the last, default the day after the newest roll-up
WITH hours AS (
    SELECT cluster, workload_id, date_part('hour', timestamp AT TIME ZONE 'UTC')::integer AS hour_utc,
           sum(cpu_usage_cores_mean) AS cpu_usage, sum(cpu_capacity_cores) AS cpu_capacity,
           max(cpu_usage_cores_max / nullif(cpu_capacity_cores, 0)) AS cpu_peak,
           sum(memory_usage_bytes_mean) AS memory_usage, sum(memory_capacity_bytes) AS memory_capacity
    FROM workload_hours
    WHERE (:'cluster' = '' OR cluster = :'cluster')
      AND timestamp >= :'since'::timestamp AT TIME ZONE 'UTC'
      AND timestamp < :'until'::timestamp AT TIME ZONE 'UTC'
      AND on_count > 0
    GROUP BY 1, 2, 3
)
SELECT coalesce(workload.service, 'unknown') AS service, hour_utc, count(*) AS workloads,
       sum(cpu_usage) / nullif(sum(cpu_capacity), 0) AS cpu_utilization,
       max(cpu_peak) AS cpu_utilization_peak,
       sum(memory_usage) / nullif(sum(memory_capacity), 0) AS memory_utilization
FROM hours
LEFT JOIN current_workloads AS workload USING (cluster, workload_id)
GROUP BY 1, 2
ORDER BY 1, 2;
