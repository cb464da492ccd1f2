-- When the ledger took an entry over in its present form: days that were measured before that are out of date.

ALTER TABLE savings_ledger ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT now();
