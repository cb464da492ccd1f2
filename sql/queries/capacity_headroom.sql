-- How much capacity is left above the 95th percentile of the newest forecast, tightest first?
-- cluster: name, empty for all
-- until: day after the newest forecast to use, default the day after the newest roll-up
-- limit: rows, default 50
WITH newest AS (
    SELECT cluster, max(date) AS day
    FROM loads
    WHERE table_name = 'forecasts' AND row_count > 0
      AND (:'cluster' = '' OR cluster = :'cluster') AND date < :'until'::date
    GROUP BY cluster
), needs AS (
    SELECT DISTINCT ON (peak.cluster, peak.workload_id, peak.target, peak.model)
           peak.cluster, peak.workload_id, peak.target, peak.model, newest.day, peak."q0.95" AS demand_p95
    FROM newest
    JOIN forecast_peaks AS peak ON peak.cluster = newest.cluster
     -- a forecast made at midnight belongs to the day before
     AND peak.origin > newest.day::timestamp AT TIME ZONE 'UTC'
     AND peak.origin <= (newest.day + 1)::timestamp AT TIME ZONE 'UTC'
     AND peak.target IN ('cpu_peak', 'memory_peak')
    ORDER BY peak.cluster, peak.workload_id, peak.target, peak.model, peak.origin DESC
)
SELECT needs.cluster, needs.workload_id, target, model, demand_p95, capacity, capacity - demand_p95 AS headroom,
       (capacity - demand_p95) / nullif(capacity, 0) AS headroom_ratio
FROM needs
JOIN workload_days AS sizes
    ON sizes.cluster = needs.cluster AND sizes.workload_id = needs.workload_id
   AND sizes.date = needs.day AND sizes.on_hours > 0
CROSS JOIN LATERAL (
    SELECT CASE target WHEN 'cpu_peak' THEN cpu_capacity_core_hours ELSE memory_capacity_byte_hours END
           / on_hours AS capacity
) AS size
WHERE capacity > 0
ORDER BY headroom_ratio, needs.cluster, needs.workload_id, target, model
LIMIT :'limit'::integer;
