-- Which workloads are there, who answers for them, and since when have they had their capacity?
-- cluster: name, empty for all
-- since: day from which on a workload was seen, switched on or off, default 7 days before until
-- until: day after the last, default the day after the newest roll-up
-- limit: rows, default 1000
SELECT seen.cluster, seen.workload_id, known.service, known.owner, known.slo_class,
       capacity.cpu_capacity_cores, capacity.memory_capacity_bytes, capacity.valid_from AS capacity_since,
       known.sku, known.core_hour, known.gib_hour, known.currency, seen.last_seen
FROM (
    SELECT cluster, workload_id, max(date) AS last_seen
    FROM workload_days
    WHERE (:'cluster' = '' OR cluster = :'cluster')
      AND date >= :'since'::date
      AND date < :'until'::date
      AND on_slots + off_slots > 0
    GROUP BY cluster, workload_id
) AS seen
LEFT JOIN workload_capacities AS capacity  -- unknown of what was never on
    ON (capacity.cluster, capacity.workload_id) = (seen.cluster, seen.workload_id)
    AND (:'cluster' = '' OR capacity.cluster = :'cluster')
    AND capacity.valid_from < :'until'::date
    AND (capacity.valid_to IS NULL OR capacity.valid_to >= :'until'::date)
LEFT JOIN current_workloads AS known
    ON (known.cluster, known.workload_id) = (seen.cluster, seen.workload_id)
ORDER BY seen.cluster, seen.workload_id
LIMIT :'limit'::integer;
