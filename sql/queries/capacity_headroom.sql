-- How much capacity is left above the 95th percentile of the newest forecast, tightest first?
-- cluster: name, empty for all
-- until: day after the newest forecast to use, default the day after the newest roll-up
-- limit: rows, default 50
WITH newest AS (
    -- a forecast made at midnight belongs to the day before
    SELECT cluster, max(date) + 1 AS origin_day
    FROM loads
    WHERE table_name = 'forecasts' AND row_count > 0
      AND (:'cluster' = '' OR cluster = :'cluster') AND date < :'until'::date
    GROUP BY cluster
), needs AS (
    SELECT newest.cluster, forecast.workload_id, forecast.target, forecast.model, max(forecast."q0.95") AS demand_p95
    FROM newest
    CROSS JOIN LATERAL (
        SELECT * FROM forecasts
        WHERE forecasts.cluster = newest.cluster
          AND origin > (newest.origin_day - 1)::timestamp AT TIME ZONE 'UTC'
          AND origin <= newest.origin_day::timestamp AT TIME ZONE 'UTC'
          AND target IN ('cpu_peak', 'memory_peak')
    ) AS forecast
    GROUP BY 1, 2, 3, 4
), sizes AS (
    SELECT DISTINCT ON (hours.cluster, hours.workload_id) hours.cluster, hours.workload_id,
           hours.cpu_capacity_cores, hours.memory_capacity_bytes
    FROM newest
    JOIN workload_hours AS hours ON hours.cluster = newest.cluster
     AND hours.timestamp >= (newest.origin_day - 1)::timestamp AT TIME ZONE 'UTC'
     AND hours.timestamp < newest.origin_day::timestamp AT TIME ZONE 'UTC'
    ORDER BY hours.cluster, hours.workload_id, hours.timestamp DESC
)
SELECT cluster, workload_id, target, model, demand_p95, capacity, capacity - demand_p95 AS headroom,
       (capacity - demand_p95) / nullif(capacity, 0) AS headroom_ratio
FROM needs
JOIN sizes USING (cluster, workload_id)
CROSS JOIN LATERAL (SELECT CASE target WHEN 'cpu_peak' THEN cpu_capacity_cores ELSE memory_capacity_bytes END AS capacity) AS size
WHERE capacity > 0
ORDER BY headroom_ratio, cluster, workload_id, target, model
LIMIT :'limit'::integer;
