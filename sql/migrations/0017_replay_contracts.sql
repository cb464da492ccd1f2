-- A cadence alone does not say what a replay allowed: rows are told apart by the whole contract. What was replayed hourly
-- before had no limit on changes, which is no contract of these; the next materialization fills it in.

ALTER TABLE policy_replays RENAME COLUMN cadence TO contract;
DELETE FROM policy_replays WHERE contract <> 'daily';
COMMENT ON COLUMN policy_replays.contract IS 'daily, hourly, hourly_few_changes or hourly_with_raise.';
