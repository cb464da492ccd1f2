-- The maintenance window that a change waits for, so that a recommendation says when it may be made.

ALTER TABLE recommendations
    ADD COLUMN window_start timestamptz,
    ADD COLUMN window_end   timestamptz CHECK (window_end >= window_start);
COMMENT ON COLUMN recommendations.window_start IS 'Null: the change may be made at once, or there is none.';
