-- How complete is the telemetry of each day, and what was quarantined for which reason?
-- cluster: name, empty for all
-- since: first day, default 14 days before until
-- until: day after the last, default the day after the newest roll-up
WITH slots AS (
    SELECT cluster, date, count(*) AS workloads, sum(on_slots) AS on_slots, sum(off_slots) AS off_slots,
           sum(expected_slots) AS expected_slots
    FROM workload_days
    WHERE (:'cluster' = '' OR cluster = :'cluster')
      AND date >= :'since'::date
      AND date < :'until'::date
    GROUP BY cluster, date
), reasons AS (
    SELECT cluster, date, sum(rows) AS quarantined,
           string_agg(reason || ' ' || rows, ', ' ORDER BY rows DESC, reason) AS reasons
    FROM (
        SELECT cluster, (timestamp AT TIME ZONE 'UTC')::date AS date, reason, count(*) AS rows
        FROM quarantined_metrics
        WHERE (:'cluster' = '' OR cluster = :'cluster')
          AND timestamp >= :'since'::timestamp AT TIME ZONE 'UTC'
          AND timestamp < :'until'::timestamp AT TIME ZONE 'UTC'
        GROUP BY 1, 2, 3
    ) AS counted
    GROUP BY cluster, date
)
SELECT cluster, date, workloads, on_slots, off_slots, expected_slots - on_slots - off_slots AS gap_slots,
       (on_slots + off_slots)::double precision / nullif(expected_slots, 0) AS completeness,
       coalesce(quarantined, 0)::bigint AS quarantined_samples, reasons
FROM slots
LEFT JOIN reasons USING (cluster, date)
ORDER BY cluster, date;
