-- Which workloads were switched on and did nothing?
-- cluster: name, empty for all
-- since: first day, default 14 days before until
-- until: day after the last, default the day after the newest roll-up
-- threshold: highest CPU utilization of an idle workload, default 0.05
SELECT cluster, workload_id,
       sum(on_count)::double precision / nullif(sum(expected_count), 0) AS on_ratio,
       max(cpu_usage_cores_max / nullif(cpu_capacity_cores, 0)) AS cpu_utilization_peak,
       avg(cpu_capacity_cores) AS cpu_capacity_cores,
       avg(memory_capacity_bytes) AS memory_capacity_bytes,
       max(requests_per_second_max) AS requests_per_second_peak
FROM workload_hours
WHERE (:'cluster' = '' OR cluster = :'cluster')
  AND timestamp >= :'since'::timestamp AT TIME ZONE 'UTC'
  AND timestamp < :'until'::timestamp AT TIME ZONE 'UTC'
  AND on_count > 0
GROUP BY cluster, workload_id
HAVING max(cpu_usage_cores_max / nullif(cpu_capacity_cores, 0)) < :'threshold'::double precision
   AND coalesce(max(requests_per_second_max), 0) < 1
ORDER BY avg(cpu_capacity_cores) DESC NULLS LAST, cluster, workload_id;
