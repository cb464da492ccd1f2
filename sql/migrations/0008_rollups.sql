-- Roll-ups of the hours and forecasts, brought up to date in the transaction that replaces those: whatever the number
-- of workloads and samples, an analytical query reads a few thousand rows.
-- Nested loops are off where rows are joined: right after a load nothing is known about their number, and a plan for few
-- rows would take hours on many.

-- The series of one workload; the primary key serves the spans of time of a whole cluster.
CREATE INDEX workload_hours_series ON workload_hours (cluster, workload_id, timestamp);

CREATE TABLE workload_days (
    cluster                    text COLLATE "C" NOT NULL,
    date                       date NOT NULL,
    workload_id                text COLLATE "C" NOT NULL,
    on_slots                   integer NOT NULL,
    off_slots                  integer NOT NULL,
    expected_slots             integer NOT NULL,
    on_hours                   integer NOT NULL,   -- hours with a slot that is on
    cpu_hours                  integer NOT NULL,   -- hours whose CPU usage is known
    cpu_used_core_hours        double precision,
    cpu_capacity_core_hours    double precision,
    cpu_cores_max              double precision,
    cpu_utilization_max        double precision,
    cpu_cores_lowest           double precision,   -- of the hourly means
    cpu_cores_highest          double precision,
    cpu_cores_median           double precision,
    cpu_cores_deviation        double precision,   -- median absolute deviation of the hourly means
    memory_hours               integer NOT NULL,
    memory_used_byte_hours     double precision,
    memory_capacity_byte_hours double precision,
    memory_bytes_max           double precision,
    requests_per_second_max    double precision,
    PRIMARY KEY (cluster, date, workload_id)  -- replaced and read by cluster and days
);
COMMENT ON TABLE workload_days IS 'A day of a workload, from workload_hours.';

CREATE FUNCTION refresh_workload_days(of_cluster text, first_day date, end_day date) RETURNS void
LANGUAGE sql SET enable_nestloop = off AS $$
    DELETE FROM workload_days WHERE cluster = of_cluster AND date >= first_day AND date < end_day;
    WITH hours AS MATERIALIZED (
        SELECT *, (timestamp AT TIME ZONE 'UTC')::date AS date
        FROM workload_hours
        WHERE cluster = of_cluster
          AND timestamp >= first_day::timestamp AT TIME ZONE 'UTC' AND timestamp < end_day::timestamp AT TIME ZONE 'UTC'
    ), days AS MATERIALIZED (
        SELECT cluster, date, workload_id,
               sum(on_count) AS on_slots, sum(off_count) AS off_slots, sum(expected_count) AS expected_slots,
               count(*) FILTER (WHERE on_count > 0) AS on_hours,
               count(cpu_usage_cores_mean) AS cpu_hours, sum(cpu_usage_cores_mean) AS cpu_used,
               sum(cpu_capacity_cores) AS cpu_capacity, max(cpu_usage_cores_max) AS cpu_max,
               max(cpu_usage_cores_max / nullif(cpu_capacity_cores, 0)) AS cpu_utilization,
               min(cpu_usage_cores_mean) AS lowest, max(cpu_usage_cores_mean) AS highest,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY cpu_usage_cores_mean) AS median,
               count(memory_usage_bytes_mean) AS memory_hours, sum(memory_usage_bytes_mean) AS memory_used,
               sum(memory_capacity_bytes) AS memory_capacity, max(memory_usage_bytes_max) AS memory_max,
               max(requests_per_second_max) AS requests
        FROM hours
        GROUP BY cluster, date, workload_id
    ), deviations AS (
        SELECT date, workload_id,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(hours.cpu_usage_cores_mean - days.median)) AS deviation
        FROM hours
        JOIN days USING (date, workload_id)
        GROUP BY date, workload_id
    )
    INSERT INTO workload_days
    SELECT cluster, date, workload_id, on_slots, off_slots, expected_slots, on_hours, cpu_hours, cpu_used, cpu_capacity,
           cpu_max, cpu_utilization, lowest, highest, median, deviation, memory_hours, memory_used, memory_capacity,
           memory_max, requests
    FROM days
    JOIN deviations USING (date, workload_id)
$$;

CREATE VIEW workload_spells AS
SELECT cluster, workload_id, service, owner, valid_to,
       -- what is first known about a workload held before as well, as far as anybody knows
       CASE WHEN lag(valid_from) OVER (PARTITION BY cluster, workload_id ORDER BY valid_from) IS NULL
            THEN '-infinity'::timestamptz ELSE valid_from END AS valid_from
FROM workloads;

CREATE TABLE service_hours (
    cluster               text COLLATE "C" NOT NULL,
    timestamp             timestamptz NOT NULL,
    service               text NOT NULL,
    workloads             integer NOT NULL,   -- that are on
    cpu_used_cores        double precision,
    cpu_peak_cores        double precision,   -- sum of the peaks of the workloads
    cpu_capacity_cores    double precision,
    cpu_utilization_max   double precision,
    memory_used_bytes     double precision,
    memory_peak_bytes     double precision,
    memory_capacity_bytes double precision,
    PRIMARY KEY (cluster, timestamp, service)  -- replaced and read by cluster and time
);
COMMENT ON TABLE service_hours IS 'An hour of a service in a cluster, from workload_hours and workloads.';

CREATE FUNCTION refresh_service_hours(of_cluster text, first_day date, end_day date) RETURNS void
LANGUAGE sql SET enable_nestloop = off AS $$
    -- a change of the workloads and a load may come at once
    SELECT pg_advisory_xact_lock(hashtextextended('service_hours of ' || of_cluster, 0));
    DELETE FROM service_hours
    WHERE cluster = of_cluster
      AND timestamp >= first_day::timestamp AT TIME ZONE 'UTC' AND timestamp < end_day::timestamp AT TIME ZONE 'UTC';
    INSERT INTO service_hours
    SELECT hours.cluster, hours.timestamp, coalesce(spell.service, 'unknown'), count(*),
           sum(cpu_usage_cores_mean), sum(cpu_usage_cores_max), sum(cpu_capacity_cores),
           max(cpu_usage_cores_max / nullif(cpu_capacity_cores, 0)),
           sum(memory_usage_bytes_mean), sum(memory_usage_bytes_max), sum(memory_capacity_bytes)
    FROM workload_hours AS hours
    LEFT JOIN workload_spells AS spell
        ON spell.cluster = hours.cluster AND spell.workload_id = hours.workload_id
       AND spell.valid_from <= hours.timestamp AND (spell.valid_to IS NULL OR spell.valid_to > hours.timestamp)
    WHERE hours.cluster = of_cluster AND hours.on_count > 0
      AND hours.timestamp >= first_day::timestamp AT TIME ZONE 'UTC'
      AND hours.timestamp < end_day::timestamp AT TIME ZONE 'UTC'
    GROUP BY 1, 2, 3
$$;

CREATE TABLE forecast_peaks (
    cluster     text COLLATE "C" NOT NULL,
    origin      timestamptz NOT NULL,
    target      text NOT NULL,
    workload_id text COLLATE "C" NOT NULL,
    model       text NOT NULL,
    "q0.5"      double precision,
    "q0.95"     double precision,
    "q0.99"     double precision,
    PRIMARY KEY (cluster, origin, target, workload_id, model)  -- replaced and read by cluster and origin
) PARTITION BY RANGE (origin);
COMMENT ON TABLE forecast_peaks IS 'Highest quantiles of each forecast over its hours.';
INSERT INTO partition_policies VALUES ('forecast_peaks', 'month');

CREATE FUNCTION refresh_forecast_peaks(of_cluster text, first_day date, end_day date) RETURNS void
LANGUAGE sql AS $$
    -- a forecast made at midnight belongs to the day before
    SELECT ensure_partitions('forecast_peaks', first_day, end_day + 1);
    DELETE FROM forecast_peaks
    WHERE cluster = of_cluster
      AND origin > first_day::timestamp AT TIME ZONE 'UTC' AND origin <= end_day::timestamp AT TIME ZONE 'UTC';
    INSERT INTO forecast_peaks
    SELECT cluster, origin, target, workload_id, model, max("q0.5"), max("q0.95"), max("q0.99")
    FROM forecasts
    WHERE cluster = of_cluster
      AND origin > first_day::timestamp AT TIME ZONE 'UTC' AND origin <= end_day::timestamp AT TIME ZONE 'UTC'
    GROUP BY cluster, origin, target, workload_id, model
$$;

CREATE TABLE forecast_errors (
    cluster         text COLLATE "C" NOT NULL,
    date            date NOT NULL,               -- the day that was forecast
    target          text NOT NULL,
    model           text NOT NULL,
    horizon_hours   integer NOT NULL,            -- 1 is the hour that starts at the origin
    observations    integer NOT NULL,
    absolute_error  double precision NOT NULL,   -- sums over the observations, of the median
    error           double precision NOT NULL,
    absolute_actual double precision NOT NULL,
    covered_80      integer NOT NULL,            -- observations between the quantiles .1 and .9
    PRIMARY KEY (cluster, date, target, model, horizon_hours)  -- replaced and read by cluster and days
);
COMMENT ON TABLE forecast_errors IS 'Errors of the forecasts by horizon, from forecasts and workload_hours.';

CREATE FUNCTION refresh_forecast_errors(of_cluster text, first_day date, end_day date) RETURNS void
LANGUAGE sql SET enable_nestloop = off AS $$
    -- forecasts and hours may be loaded at once: the second sees what the first committed
    SELECT pg_advisory_xact_lock(hashtextextended('forecast_errors of ' || of_cluster, 0));
    DELETE FROM forecast_errors WHERE cluster = of_cluster AND date >= first_day AND date < end_day;
    INSERT INTO forecast_errors
    SELECT of_cluster, (timestamp AT TIME ZONE 'UTC')::date, target, model, horizon, count(*),
           sum(abs(actual - median)), sum(median - actual), sum(abs(actual)),
           count(*) FILTER (WHERE actual BETWEEN low AND high)
    FROM (
        SELECT forecast.timestamp, forecast.target, forecast.model,
               date_part('epoch', forecast.timestamp - forecast.origin)::integer / 3600 + 1 AS horizon,
               forecast."q0.5" AS median, forecast."q0.1" AS low, forecast."q0.9" AS high,
               CASE forecast.target
                   WHEN 'cpu_mean' THEN hours.cpu_usage_cores_mean
                   WHEN 'cpu_peak' THEN hours.cpu_usage_cores_max
                   WHEN 'memory_mean' THEN hours.memory_usage_bytes_mean
                   WHEN 'memory_peak' THEN hours.memory_usage_bytes_max
               END AS actual
        FROM forecasts AS forecast
        JOIN workload_hours AS hours USING (cluster, workload_id, timestamp)
        WHERE forecast.cluster = of_cluster AND hours.cluster = of_cluster
          AND hours.timestamp >= first_day::timestamp AT TIME ZONE 'UTC'
          AND hours.timestamp < end_day::timestamp AT TIME ZONE 'UTC'
          AND forecast.timestamp >= first_day::timestamp AT TIME ZONE 'UTC'
          AND forecast.timestamp < end_day::timestamp AT TIME ZONE 'UTC'
          -- horizons end after two days, so that few partitions are read
          AND forecast.origin > (first_day - 2)::timestamp AT TIME ZONE 'UTC'
          AND forecast.origin < end_day::timestamp AT TIME ZONE 'UTC'
    ) AS pairs
    WHERE actual IS NOT NULL AND median IS NOT NULL
    GROUP BY 2, 3, 4, 5
$$;

CREATE FUNCTION refresh_after_hours(of_cluster text, first_day date, end_day date) RETURNS void
LANGUAGE sql AS $$
    SELECT refresh_workload_days(of_cluster, first_day, end_day);
    SELECT refresh_service_hours(of_cluster, first_day, end_day);
    SELECT refresh_forecast_errors(of_cluster, first_day, end_day);
$$;

CREATE FUNCTION refresh_after_forecasts(of_cluster text, first_day date, end_day date) RETURNS void
LANGUAGE sql AS $$
    SELECT refresh_forecast_peaks(of_cluster, first_day, end_day);
    SELECT refresh_forecast_errors(of_cluster, first_day, end_day + 2);
$$;

CREATE FUNCTION refresh_after_workloads() RETURNS void
LANGUAGE plpgsql AS $$
-- Attributes the hours anew to the services of the workloads that merge_workloads just changed.
BEGIN
    PERFORM refresh_service_hours(changed.cluster, greatest(changed.first_day, held.first_day), held.end_day)
    FROM (
        SELECT cluster, min(
            CASE step WHEN 'first' THEN '-infinity' ELSE (valid_from AT TIME ZONE 'UTC')::date END
        ) AS first_day
        FROM incoming_workloads WHERE step <> 'same' GROUP BY cluster
    ) AS changed
    JOIN (
        SELECT cluster, min(date) AS first_day, max(date) + 1 AS end_day
        FROM loads WHERE table_name = 'workload_hours' AND row_count > 0 GROUP BY cluster
    ) AS held USING (cluster);
END $$;
