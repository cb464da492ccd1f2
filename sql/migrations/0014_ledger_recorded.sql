-- When the ledger took an entry over in its present form: days that were measured before that are out of date. Entries
-- that were there before this column count as known to every measurement.

ALTER TABLE savings_ledger ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE savings_ledger ALTER COLUMN recorded_at SET DEFAULT now();
