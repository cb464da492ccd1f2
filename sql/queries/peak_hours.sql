-- When was demand highest, and which workload was the largest part of it?
-- cluster: name, empty for all
-- since: first day, default 7 days before until
-- until: day after the last, default the day after the newest roll-up
-- limit: rows, default 20
WITH totals AS (
    SELECT cluster, timestamp, sum(cpu_peak_cores) AS cpu_cores, sum(memory_peak_bytes) AS memory_bytes,
           sum(cpu_capacity_cores) AS cpu_capacity_cores
    FROM service_hours
    WHERE (:'cluster' = '' OR cluster = :'cluster')
      AND timestamp >= :'since'::timestamp AT TIME ZONE 'UTC'
      AND timestamp < :'until'::timestamp AT TIME ZONE 'UTC'
    GROUP BY cluster, timestamp
    ORDER BY cpu_cores DESC NULLS LAST, timestamp
    LIMIT :'limit'::integer
)
SELECT totals.*, totals.cpu_cores / nullif(totals.cpu_capacity_cores, 0) AS cpu_utilization,
       largest.workload_id AS largest_workload, largest.share AS largest_share
FROM totals
LEFT JOIN LATERAL (
    SELECT hours.workload_id, hours.cpu_usage_cores_max / nullif(totals.cpu_cores, 0) AS share
    FROM workload_hours AS hours
    WHERE hours.cluster = totals.cluster AND hours.timestamp = totals.timestamp
    ORDER BY hours.cpu_usage_cores_max DESC NULLS LAST
    LIMIT 1
) AS largest ON true
ORDER BY totals.cpu_cores DESC NULLS LAST, totals.timestamp;
