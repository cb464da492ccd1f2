-- Which hours were far from what is usual for the workload (robust z-score of CPU)?
-- cluster: name, empty for all
-- since: first day, default 7 days before until
-- until: day after the last, default the day after the newest roll-up
-- threshold: lowest z-score of an anomaly, default 6
-- limit: rows, default 50
WITH hours AS MATERIALIZED (
    SELECT cluster, workload_id, timestamp, cpu_usage_cores_mean AS cores
    FROM workload_hours
    WHERE (:'cluster' = '' OR cluster = :'cluster')
      AND timestamp >= :'since'::timestamp AT TIME ZONE 'UTC'
      AND timestamp < :'until'::timestamp AT TIME ZONE 'UTC'
      AND cpu_usage_cores_mean IS NOT NULL
), centres AS (
    SELECT cluster, workload_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY cores) AS median
    FROM hours
    GROUP BY cluster, workload_id
), deviations AS MATERIALIZED (
    SELECT hours.*, median, abs(cores - median) AS deviation FROM hours JOIN centres USING (cluster, workload_id)
), spreads AS (
    -- 1.4826 times the median absolute deviation estimates the standard deviation of a normal distribution
    SELECT cluster, workload_id, 1.4826 * percentile_cont(0.5) WITHIN GROUP (ORDER BY deviation) AS spread
    FROM deviations
    GROUP BY cluster, workload_id
)
SELECT cluster, workload_id, timestamp, cores AS cpu_usage_cores, median AS usual_cpu_usage_cores,
       (cores - median) / spread AS z_score
FROM deviations
JOIN spreads USING (cluster, workload_id)
WHERE spread > 0 AND deviation / spread >= :'threshold'::double precision
ORDER BY deviation / spread DESC, cluster, workload_id, timestamp
LIMIT :'limit'::integer;
