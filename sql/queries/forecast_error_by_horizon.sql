-- How does the error of each model grow with the horizon?
-- cluster: name, empty for all
-- since: first day, default 7 days before until
-- until: day after the last, default the day after the newest roll-up
-- target: cpu_mean, cpu_peak, memory_mean or memory_peak, default cpu_peak
WITH actuals AS (
    SELECT cluster, workload_id, timestamp,
           CASE :'target'
               WHEN 'cpu_mean' THEN cpu_usage_cores_mean
               WHEN 'cpu_peak' THEN cpu_usage_cores_max
               WHEN 'memory_mean' THEN memory_usage_bytes_mean
               WHEN 'memory_peak' THEN memory_usage_bytes_max
           END AS actual
    FROM workload_hours
    WHERE (:'cluster' = '' OR cluster = :'cluster')
      AND timestamp >= :'since'::timestamp AT TIME ZONE 'UTC'
      AND timestamp < :'until'::timestamp AT TIME ZONE 'UTC'
)
SELECT forecast.model, date_part('epoch', forecast.timestamp - forecast.origin)::integer / 3600 + 1 AS horizon_hours,
       count(actual) AS observations,
       sum(abs(actual - forecast."q0.5")) / nullif(sum(abs(actual)), 0) AS wape,
       sum(forecast."q0.5" - actual) / nullif(sum(abs(actual)), 0) AS bias,
       avg((actual BETWEEN forecast."q0.1" AND forecast."q0.9")::integer)::double precision AS coverage_80
FROM forecasts AS forecast
JOIN actuals USING (cluster, workload_id, timestamp)
WHERE (:'cluster' = '' OR forecast.cluster = :'cluster')
  AND forecast.target = :'target'
  -- a forecast of the first hour of `since` was made at that moment or before; none reaches beyond two days
  AND forecast.origin > (:'since'::timestamp AT TIME ZONE 'UTC') - interval '2 days'
  AND forecast.origin < :'until'::timestamp AT TIME ZONE 'UTC'
  AND actual IS NOT NULL
GROUP BY 1, 2
ORDER BY 1, 2;
