-- Fills the roll-ups of 0008 from what was loaded before them.
SELECT refresh_after_hours(cluster, min(date), max(date) + 1)
FROM loads WHERE table_name = 'workload_hours' AND row_count > 0 GROUP BY cluster;

SELECT refresh_forecast_peaks(cluster, min(date), max(date) + 1)
FROM loads WHERE table_name = 'forecasts' AND row_count > 0 GROUP BY cluster;
