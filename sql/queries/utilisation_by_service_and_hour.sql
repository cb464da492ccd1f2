-- How busy is each service at each hour of the day?
-- cluster: name, empty for all
-- since: first day, default 7 days before until
-- until: day after the last, default the day after the newest roll-up
SELECT service, date_part('hour', timestamp AT TIME ZONE 'UTC')::integer AS hour_utc, max(workloads) AS workloads,
       sum(cpu_used_cores) / nullif(sum(cpu_capacity_cores), 0) AS cpu_utilization,
       max(cpu_utilization_max) AS cpu_utilization_peak,
       sum(memory_used_bytes) / nullif(sum(memory_capacity_bytes), 0) AS memory_utilization
FROM service_hours
WHERE (:'cluster' = '' OR cluster = :'cluster')
  AND timestamp >= :'since'::timestamp AT TIME ZONE 'UTC'
  AND timestamp < :'until'::timestamp AT TIME ZONE 'UTC'
GROUP BY 1, 2
ORDER BY 1, 2;
