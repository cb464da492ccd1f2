-- Which model forecasts which target best, and are its intervals honest?
-- cluster: name, empty for all
-- since: first day, default 28 days before until
-- until: day after the last, default the day after the newest roll-up
SELECT target, model, count(DISTINCT date) AS days, sum(observations) AS observations,
       sum(wape * observations) / nullif(sum(observations) FILTER (WHERE wape IS NOT NULL), 0) AS wape,
       sum(mase * observations) / nullif(sum(observations) FILTER (WHERE mase IS NOT NULL), 0) AS mase,
       sum(wql * observations) / nullif(sum(observations) FILTER (WHERE wql IS NOT NULL), 0) AS wql,
       sum(coverage_80 * observations)
           / nullif(sum(observations) FILTER (WHERE coverage_80 IS NOT NULL), 0) AS coverage_80,
       sum(coverage_95 * observations)
           / nullif(sum(observations) FILTER (WHERE coverage_95 IS NOT NULL), 0) AS coverage_95
FROM accuracy
WHERE (:'cluster' = '' OR cluster = :'cluster')
  AND date >= :'since'::date
  AND date < :'until'::date
GROUP BY target, model
ORDER BY target, wape NULLS LAST, model;
