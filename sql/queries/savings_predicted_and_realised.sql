-- Did the savings that applied recommendations promised come true?
-- cluster: name, empty for all
-- since: first day, default 28 days before until
-- until: day after the last, default the day after the newest roll-up
SELECT saving.cluster, date_trunc('week', saving.date)::date AS week, coalesce(workload.owner, 'unassigned') AS owner,
       count(DISTINCT saving.recommendation_id) AS recommendations, saving.currency,
       sum(saving.predicted_saving) AS predicted_saving,
       sum(saving.realised_saving) AS realised_saving,
       sum(saving.realised_saving) / nullif(sum(saving.predicted_saving), 0) AS realised_ratio
FROM realised_savings AS saving
LEFT JOIN current_workloads AS workload USING (cluster, workload_id)
WHERE (:'cluster' = '' OR saving.cluster = :'cluster')
  AND saving.date >= :'since'::date
  AND saving.date < :'until'::date
GROUP BY 1, 2, 3, saving.currency
ORDER BY 2, 1, 3, saving.currency;
