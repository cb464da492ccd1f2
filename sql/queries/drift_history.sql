-- When did which distributions drift, and how far?
-- cluster: name, empty for all
-- since: first day, default 28 days before until
-- until: day after the last, default the day after the newest roll-up
SELECT cluster, date, kind, count(*) AS columns, count(*) FILTER (WHERE drifted) AS drifted_columns,
       max(value / nullif(threshold, 0)) AS worst_ratio_to_threshold,
       (array_agg("column" ORDER BY value / nullif(threshold, 0) DESC NULLS LAST, "column"))[1] AS worst_column
FROM drift
WHERE (:'cluster' = '' OR cluster = :'cluster')
  AND date >= :'since'::date
  AND date < :'until'::date
GROUP BY cluster, date, kind
ORDER BY cluster, date, kind;
