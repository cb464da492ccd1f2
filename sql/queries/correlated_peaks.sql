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
), series AS MATERIALIZED (
    -- Each hour has its place in the array, so that two workloads meet without a join of all their hours.
    SELECT ranked.cluster, ranked.workload_id, own.cores
    FROM ranked
    CROSS JOIN LATERAL (
        SELECT array_agg(hours.cpu_usage_cores_max ORDER BY hour) AS cores
        FROM generate_series(
            :'since'::timestamp AT TIME ZONE 'UTC',
            :'until'::timestamp AT TIME ZONE 'UTC' - interval '1 hour',
            interval '1 hour'
        ) AS hour
        LEFT JOIN workload_hours AS hours
            ON hours.cluster = ranked.cluster AND hours.workload_id = ranked.workload_id AND hours.timestamp = hour
            AND hours.timestamp >= :'since'::timestamp AT TIME ZONE 'UTC'  -- other partitions are left out
            AND hours.timestamp < :'until'::timestamp AT TIME ZONE 'UTC'
    ) AS own
    WHERE ranked.rank <= :'workloads'::integer
)
SELECT one.cluster, one.workload_id AS workload, other.workload_id AS other_workload,
       pair.correlation, pair.hours, pair.joint_peak_cores, pair.joint_peak_cores / nullif(pair.peak_cores, 0) AS coincidence
FROM series AS one
JOIN series AS other ON one.cluster = other.cluster AND one.workload_id < other.workload_id
CROSS JOIN LATERAL (
    SELECT corr(own, others) AS correlation, regr_count(own, others) AS hours, max(own + others) AS joint_peak_cores,
           max(own) FILTER (WHERE others IS NOT NULL) + max(others) FILTER (WHERE own IS NOT NULL) AS peak_cores
    FROM unnest(one.cores, other.cores) AS hour (own, others)
) AS pair
WHERE pair.hours >= 24 AND pair.correlation IS NOT NULL
ORDER BY pair.correlation DESC, pair.joint_peak_cores DESC, one.cluster, workload, other_workload
LIMIT :'limit'::integer;
