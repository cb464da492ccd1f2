-- What is known about workloads in full: everything a recommendation respects, told apart from the capacity that telemetry
-- shows; and the ledger of what was applied.

DROP FUNCTION merge_workloads();
DROP FUNCTION refresh_after_workloads();
DROP VIEW current_workloads;

ALTER TABLE workloads
    DROP COLUMN cpu_capacity_cores,   -- seen in the telemetry: workload_capacities
    DROP COLUMN memory_capacity_bytes,
    ADD COLUMN percentile double precision CHECK (percentile > 0 AND percentile < 1),
    ADD COLUMN headroom double precision CHECK (headroom BETWEEN 0 AND 10),
    ADD COLUMN lookback_days double precision CHECK (lookback_days BETWEEN 1 AND 90),
    ADD COLUMN in_place_resize boolean,
    ADD COLUMN maintenance_weekday smallint CHECK (maintenance_weekday BETWEEN 1 AND 7),
    ADD COLUMN maintenance_start_hour smallint CHECK (maintenance_start_hour BETWEEN 0 AND 23),
    ADD COLUMN maintenance_hours double precision CHECK (maintenance_hours > 0),
    ADD COLUMN overlap_group text,
    ADD COLUMN cpu_limit_cores double precision CHECK (cpu_limit_cores > 0),
    ADD COLUMN memory_limit_bytes double precision CHECK (memory_limit_bytes > 0),
    ADD COLUMN disk_limit_bytes_per_second double precision CHECK (disk_limit_bytes_per_second > 0),
    ADD COLUMN network_limit_bytes_per_second double precision CHECK (network_limit_bytes_per_second > 0),
    ADD COLUMN horizontally_scaled boolean,
    ADD COLUMN minimum_replicas double precision CHECK (minimum_replicas >= 0),
    ADD COLUMN maximum_replicas double precision CHECK (maximum_replicas >= 0),
    ADD COLUMN start_lead_minutes double precision CHECK (start_lead_minutes >= 0),
    ADD COLUMN hpa_target_utilization double precision CHECK (hpa_target_utilization > 0);

CREATE VIEW current_workloads AS SELECT * FROM workloads WHERE valid_to IS NULL;

CREATE FUNCTION refresh_services(of_cluster text, since timestamptz) RETURNS void
LANGUAGE sql AS $$
-- Attributes the hours anew to the services of workloads that were told anew from a time on.
    SELECT refresh_service_hours(of_cluster, greatest((since AT TIME ZONE 'UTC')::date, min(date)), max(date) + 1)
    FROM loads WHERE table_name = 'workload_hours' AND cluster = of_cluster AND row_count > 0
    HAVING max(date) IS NOT NULL
$$;

-- The capacity a workload had at the end of each day on which it was on.
CREATE TABLE capacity_days (
    cluster               text COLLATE "C" NOT NULL,
    date                  date NOT NULL,
    workload_id           text COLLATE "C" NOT NULL,
    cpu_capacity_cores    double precision,
    memory_capacity_bytes double precision,
    PRIMARY KEY (cluster, date, workload_id)  -- replaced and read by cluster and days
);
COMMENT ON TABLE capacity_days IS 'Capacity at the end of a day of a workload, from workload_hours.';

CREATE FUNCTION refresh_capacity_days(of_cluster text, first_day date, end_day date) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM capacity_days WHERE cluster = of_cluster AND date >= first_day AND date < end_day;
    INSERT INTO capacity_days
    SELECT DISTINCT ON ((timestamp AT TIME ZONE 'UTC')::date, workload_id)
           cluster, (timestamp AT TIME ZONE 'UTC')::date, workload_id, cpu_capacity_cores, memory_capacity_bytes
    FROM workload_hours
    WHERE cluster = of_cluster AND on_count > 0
      AND timestamp >= first_day::timestamp AT TIME ZONE 'UTC' AND timestamp < end_day::timestamp AT TIME ZONE 'UTC'
    ORDER BY (timestamp AT TIME ZONE 'UTC')::date, workload_id, timestamp DESC
$$;

CREATE OR REPLACE FUNCTION refresh_after_hours(of_cluster text, first_day date, end_day date) RETURNS void
LANGUAGE sql AS $$
    SELECT refresh_workload_days(of_cluster, first_day, end_day);
    SELECT refresh_capacity_days(of_cluster, first_day, end_day);
    SELECT refresh_service_hours(of_cluster, first_day, end_day);
    SELECT refresh_forecast_errors(of_cluster, first_day, end_day);
$$;

SELECT refresh_capacity_days(cluster, min(date), max(date) + 1)
FROM loads WHERE table_name = 'workload_hours' AND row_count > 0 GROUP BY cluster;

CREATE VIEW workload_capacities AS
SELECT cluster, workload_id, date AS valid_from,
       lead(date) OVER (PARTITION BY cluster, workload_id ORDER BY date) AS valid_to,  -- null: until further notice
       cpu_capacity_cores, memory_capacity_bytes
FROM (
    SELECT *, row_number() OVER spell = 1
           OR (cpu_capacity_cores, memory_capacity_bytes)
              IS DISTINCT FROM (lag(cpu_capacity_cores) OVER spell, lag(memory_capacity_bytes) OVER spell) AS changed
    FROM capacity_days
    WINDOW spell AS (PARTITION BY cluster, workload_id ORDER BY date)
) AS days
WHERE changed;
COMMENT ON VIEW workload_capacities IS 'A row for each spell in which the capacity of a workload stayed the same.';

CREATE TABLE savings_ledger (
    recommendation_id              text COLLATE "C" PRIMARY KEY,
    cluster                        text COLLATE "C" NOT NULL,
    workload_id                    text COLLATE "C" NOT NULL,
    owner                          text,
    applied_at                     timestamptz NOT NULL,
    applied_by                     text NOT NULL,
    reverted_at                    timestamptz CHECK (reverted_at >= applied_at),
    reverted_by                    text,
    revert_reason                  text,
    cpu_cores_before               double precision,
    cpu_cores_after                double precision,
    memory_bytes_before            double precision,
    memory_bytes_after             double precision,
    core_hour                      double precision,
    gib_hour                       double precision,
    currency                       text,
    predicted_monthly_saving       double precision,
    predicted_monthly_saving_lower double precision,
    predicted_monthly_saving_upper double precision,
    predicted_risk_cpu             double precision,
    predicted_risk_memory          double precision
);
COMMENT ON TABLE savings_ledger IS
    'Applied recommendations with the prices and promises of that time. It outlives the recommendation, so no foreign key.';
-- The entries of a cluster, read with every day whose savings are measured.
CREATE INDEX savings_ledger_of ON savings_ledger (cluster, workload_id, applied_at);
