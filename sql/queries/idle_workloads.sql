-- Which workloads were switched on and did nothing?
-- cluster: name, empty for all
-- since: first day, default 14 days before until
-- until: day after the last, default the day after the newest roll-up
-- threshold: highest CPU utilization of an idle workload, default 0.05
SELECT cluster, workload_id,
       sum(on_slots)::double precision / nullif(sum(expected_slots), 0) AS on_ratio,
       max(cpu_utilization_max) AS cpu_utilization_peak,
       sum(cpu_capacity_core_hours) / sum(on_hours) AS cpu_capacity_cores,
       sum(memory_capacity_byte_hours) / sum(on_hours) AS memory_capacity_bytes,
       max(requests_per_second_max) AS requests_per_second_peak
FROM workload_days
WHERE (:'cluster' = '' OR cluster = :'cluster')
  AND date >= :'since'::date
  AND date < :'until'::date
  AND on_hours > 0
GROUP BY cluster, workload_id
HAVING max(cpu_utilization_max) < :'threshold'::double precision AND coalesce(max(requests_per_second_max), 0) < 1
ORDER BY cpu_capacity_cores DESC NULLS LAST, cluster, workload_id;
