-- For which spell each fact about a workload was told: one told again with the same value is told for its own time, and
-- a correction of the time before leaves it as it is.

ALTER TABLE workloads ADD COLUMN told text[] NOT NULL DEFAULT '{}';

-- Of what is known already, a fact was told where it changed.
UPDATE workloads SET told = changes.told
FROM (
    SELECT cluster, workload_id, valid_from, array(
               SELECT fact
               FROM jsonb_each(facts) AS now (fact, value) FULL JOIN jsonb_each(facts_before) AS before (fact, value) USING (fact)
               WHERE now.value IS DISTINCT FROM before.value
               ORDER BY fact
           ) AS told
    FROM (
        SELECT cluster, workload_id, valid_from, facts,
               lag(facts, 1, '{}') OVER (PARTITION BY cluster, workload_id ORDER BY valid_from) AS facts_before
        FROM workloads AS spell
        CROSS JOIN LATERAL (
            SELECT jsonb_strip_nulls(
                to_jsonb(spell) - '{cluster, workload_id, valid_from, valid_to, told}'::text[]
            ) AS facts
        ) AS known
    ) AS spells
) AS changes
WHERE (workloads.cluster, workloads.workload_id, workloads.valid_from)
    = (changes.cluster, changes.workload_id, changes.valid_from);

COMMENT ON TABLE workloads IS 'Slowly changing dimension: a row for each time for which facts of a workload were told.';
COMMENT ON COLUMN workloads.told IS 'The columns that were told for valid_from; the others go on from the row before.';
