-- Which hours were far from what is usual for the workload (robust z-score of CPU)?
-- cluster: name, empty for all
-- since: first day, default 7 days before until
-- until: day after the last, default the day after the newest roll-up
-- threshold: lowest z-score of an anomaly, default 6
-- limit: rows, default 50
WITH days AS MATERIALIZED (
    SELECT cluster, workload_id, date, cpu_cores_lowest, cpu_cores_highest, cpu_cores_median, cpu_cores_deviation
    FROM workload_days
    WHERE (:'cluster' = '' OR cluster = :'cluster')
      AND date >= :'since'::date
      AND date < :'until'::date
      AND cpu_hours > 0
), usual AS (
    -- medians of the days' medians; 1.4826 median absolute deviations estimate the standard deviation of a normal
    SELECT cluster, workload_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY cpu_cores_median) AS median,
           1.4826 * percentile_cont(0.5) WITHIN GROUP (ORDER BY cpu_cores_deviation) AS spread
    FROM days
    GROUP BY cluster, workload_id
), suspects AS (
    -- the most anomalous hours lie in the days whose extremes are the most anomalous
    SELECT days.cluster, days.workload_id, days.date, usual.median, usual.spread
    FROM days
    JOIN usual USING (cluster, workload_id)
    WHERE spread > 0
      AND greatest(cpu_cores_highest - median, median - cpu_cores_lowest) / spread >= :'threshold'::double precision
    ORDER BY greatest(cpu_cores_highest - median, median - cpu_cores_lowest) / spread DESC, cluster, workload_id, date
    LIMIT :'limit'::integer
)
SELECT suspects.cluster, suspects.workload_id, hours.timestamp, hours.cpu_usage_cores_mean AS cpu_usage_cores,
       suspects.median AS usual_cpu_usage_cores,
       (hours.cpu_usage_cores_mean - suspects.median) / suspects.spread AS z_score
FROM suspects
JOIN workload_hours AS hours
    ON hours.cluster = suspects.cluster AND hours.workload_id = suspects.workload_id
   AND hours.timestamp >= suspects.date::timestamp AT TIME ZONE 'UTC'
   AND hours.timestamp < (suspects.date + 1)::timestamp AT TIME ZONE 'UTC'
WHERE abs(hours.cpu_usage_cores_mean - suspects.median) / suspects.spread >= :'threshold'::double precision
ORDER BY abs(hours.cpu_usage_cores_mean - suspects.median) / suspects.spread DESC, 1, 2, 3
LIMIT :'limit'::integer;
