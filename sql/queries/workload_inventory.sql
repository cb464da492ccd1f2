-- Which workloads are there, who answers for them, and since when have they had their capacity?
-- cluster: name, empty for all
-- until: day after the last, default the day after the newest roll-up
-- limit: rows, default 1000
SELECT capacity.cluster, capacity.workload_id, known.service, known.owner, known.slo_class,
       capacity.cpu_capacity_cores, capacity.memory_capacity_bytes, capacity.valid_from AS capacity_since,
       known.sku, known.core_hour, known.gib_hour, known.currency
FROM workload_capacities AS capacity
LEFT JOIN current_workloads AS known USING (cluster, workload_id)
WHERE (:'cluster' = '' OR capacity.cluster = :'cluster')
  AND capacity.valid_from < :'until'::date
  AND (capacity.valid_to IS NULL OR capacity.valid_to >= :'until'::date)
ORDER BY capacity.cluster, capacity.workload_id
LIMIT :'limit'::integer;
