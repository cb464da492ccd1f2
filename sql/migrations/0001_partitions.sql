-- Range partitions by time, made on demand. Every partitioned table is split on one timestamptz column, at UTC midnights.

CREATE TABLE partition_policies (
    table_name text PRIMARY KEY,
    step       text NOT NULL CHECK (step IN ('day', 'month'))
);
COMMENT ON TABLE partition_policies IS 'How wide the partitions of a table are.';

CREATE FUNCTION partition_name(parent text, lower_bound date) RETURNS text
LANGUAGE sql IMMUTABLE AS
$$ SELECT parent || '_p' || to_char(lower_bound, 'YYYYMMDD') $$;

CREATE FUNCTION ensure_partitions(parent text, first_day date, end_day date) RETURNS integer
LANGUAGE plpgsql AS $$
-- Makes the partitions of [first_day, end_day) that are missing and returns their number. Two at once are safe: the
-- second waits and finds the work done. A partition is made aside and attached, which blocks neither readers nor
-- loaders; CREATE ... PARTITION OF would wait for every one of them.
DECLARE
    width       text := (SELECT step FROM partition_policies WHERE table_name = parent);
    lower_bound date;
    upper_bound date;
    part        text;
    made        integer := 0;
BEGIN
    IF width IS NULL OR end_day <= first_day THEN
        RETURN 0;
    END IF;
    IF end_day - first_day > 4000 THEN
        RAISE EXCEPTION 'a range of % days is too long for one load: split it', end_day - first_day;
    END IF;
    FOR lower_bound IN
        SELECT generate_series(date_trunc(width, first_day::timestamp), end_day - 1, ('1 ' || width)::interval)::date
    LOOP
        part := partition_name(parent, lower_bound);
        CONTINUE WHEN to_regclass(quote_ident(part)) IS NOT NULL;
        PERFORM pg_advisory_xact_lock(hashtextextended('partitions of ' || parent, 0));
        -- to_regclass may still answer from before the wait; a query sees what was committed meanwhile
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_class WHERE relname = part AND relnamespace = current_schema()::regnamespace
        );
        upper_bound := lower_bound + ('1 ' || width)::interval;
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)', part, parent);
        EXECUTE format(
            'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            parent, part, lower_bound::timestamp AT TIME ZONE 'UTC', upper_bound::timestamp AT TIME ZONE 'UTC'
        );
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;

CREATE FUNCTION summarize_partitions(parent text, first_day date, end_day date) RETURNS bigint
LANGUAGE sql AS $$
-- Brings the BRIN indexes of the partitions of [first_day, end_day) up to date after a load; until then new pages are
-- read by every scan.
    SELECT coalesce(sum(brin_summarize_new_values(index.indexrelid)), 0)
    FROM partition_policies AS policy
    CROSS JOIN LATERAL generate_series(
        date_trunc(policy.step, first_day::timestamp), end_day - 1, ('1 ' || policy.step)::interval
    ) AS bound
    JOIN pg_index AS index ON index.indrelid = to_regclass(quote_ident(partition_name(parent, bound::date)))
    JOIN pg_class AS relation ON relation.oid = index.indexrelid
    JOIN pg_am AS method ON method.oid = relation.relam AND method.amname = 'brin'
    WHERE policy.table_name = parent
$$;
