-- How does the error of each model grow with the horizon?
-- cluster: name, empty for all
-- since: first day, default 7 days before until
-- until: day after the last, default the day after the newest roll-up
-- target: cpu_mean, cpu_peak, memory_mean or memory_peak, default cpu_peak
SELECT model, horizon_hours, sum(observations) AS observations,
       sum(absolute_error) / nullif(sum(absolute_actual), 0) AS wape,
       sum(error) / nullif(sum(absolute_actual), 0) AS bias,
       sum(covered_80)::double precision / sum(observations) AS coverage_80
FROM forecast_errors
WHERE (:'cluster' = '' OR cluster = :'cluster')
  AND date >= :'since'::date
  AND date < :'until'::date
  AND target = :'target'
GROUP BY model, horizon_hours
ORDER BY model, horizon_hours;
