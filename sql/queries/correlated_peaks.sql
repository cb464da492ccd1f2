-- Which large workloads of a cluster peak together, so that they should not share a host?
-- cluster: name, empty for all
-- since: first day, default 7 days before until
-- until: day after the last, default the day after the newest roll-up
-- workloads: how many of the largest of each cluster are compared, default 12
-- limit: rows, default 20
WITH ranked AS (
    SELECT cluster, workload_id,
           row_number() OVER (
               PARTITION BY cluster ORDER BY sum(cpu_used_core_hours) DESC NULLS LAST, workload_id
           ) AS rank
    FROM workload_days
    WHERE (:'cluster' = '' OR cluster = :'cluster')
      AND date >= :'since'::date
      AND date < :'until'::date
    GROUP BY cluster, workload_id
), hours AS MATERIALIZED (
    SELECT series.*
    FROM ranked
    CROSS JOIN LATERAL (
        SELECT hours.cluster, hours.workload_id, hours.timestamp, hours.cpu_usage_cores_max AS cores
        FROM workload_hours AS hours
        WHERE hours.cluster = ranked.cluster AND hours.workload_id = ranked.workload_id
          AND hours.timestamp >= :'since'::timestamp AT TIME ZONE 'UTC'
          AND hours.timestamp < :'until'::timestamp AT TIME ZONE 'UTC'
          AND hours.cpu_usage_cores_max IS NOT NULL
    ) AS series
    WHERE ranked.rank <= :'workloads'::integer
)
SELECT one.cluster, one.workload_id AS workload, other.workload_id AS other_workload,
       corr(one.cores, other.cores) AS correlation, count(*) AS hours,
       max(one.cores + other.cores) AS joint_peak_cores,
       max(one.cores + other.cores) / nullif(max(one.cores) + max(other.cores), 0) AS coincidence
FROM hours AS one
JOIN hours AS other USING (cluster, timestamp)
WHERE one.workload_id < other.workload_id
GROUP BY one.cluster, one.workload_id, other.workload_id
HAVING count(*) >= 24 AND corr(one.cores, other.cores) IS NOT NULL
ORDER BY correlation DESC, joint_peak_cores DESC, workload, other_workload
LIMIT :'limit'::integer;
