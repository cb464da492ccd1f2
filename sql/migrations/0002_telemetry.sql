-- Telemetry: samples as received, clean samples, rejected rows, hourly roll-up.
-- Names are compared byte by byte (COLLATE "C"): the order of Polars, and the cheapest one.

CREATE TABLE loads (
    table_name text NOT NULL,
    cluster    text COLLATE "C" NOT NULL,
    date       date NOT NULL,
    row_count  bigint NOT NULL CHECK (row_count >= 0),
    loaded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (table_name, cluster, date)  -- which days a cluster has, without a look at its rows
);
COMMENT ON TABLE loads IS 'One row for each day of a cluster that a table holds, written in the transaction of its rows.';

CREATE TABLE raw_workload_metrics (
    cluster                            text COLLATE "C" NOT NULL,
    workload_id                        text COLLATE "C" NOT NULL,
    timestamp                          timestamptz NOT NULL,
    cpu_usage_cores                    double precision,
    cpu_usage_peak_cores               double precision,
    cpu_capacity_cores                 double precision,
    memory_usage_bytes                 double precision,
    memory_capacity_bytes              double precision,
    disk_read_bytes_per_second         double precision,
    disk_write_bytes_per_second        double precision,
    network_receive_bytes_per_second   double precision,
    network_transmit_bytes_per_second  double precision,
    requests_per_second                double precision,
    latency_p95_seconds                double precision,
    error_ratio                        double precision,
    replicas                           double precision
) PARTITION BY RANGE (timestamp);
COMMENT ON TABLE raw_workload_metrics IS 'Samples as received, duplicates included: no key can hold.';
INSERT INTO partition_policies VALUES ('raw_workload_metrics', 'day');
-- Loads append a cluster's rows in the order of workloads, so a range of 8 pages holds one or two workloads. BRIN finds
-- a cluster or a workload of a day like a B-tree, at a thousandth of its size and next to no cost in COPY (a B-tree on
-- the key costs a third of the rate).
CREATE INDEX raw_workload_metrics_brin ON raw_workload_metrics
    USING brin (cluster, workload_id) WITH (pages_per_range = 8, autosummarize = on);

CREATE TABLE workload_metrics (
    cluster                            text COLLATE "C" NOT NULL,
    workload_id                        text COLLATE "C" NOT NULL,
    timestamp                          timestamptz NOT NULL,
    state                              text NOT NULL CHECK (state IN ('on', 'off', 'gap')),
    sample_count                       integer NOT NULL CHECK (sample_count >= 0),
    cpu_usage_cores                    double precision,
    cpu_usage_peak_cores               double precision,
    cpu_capacity_cores                 double precision,
    memory_usage_bytes                 double precision,
    memory_capacity_bytes              double precision,
    disk_read_bytes_per_second         double precision,
    disk_write_bytes_per_second        double precision,
    network_receive_bytes_per_second   double precision,
    network_transmit_bytes_per_second  double precision,
    requests_per_second                double precision,
    latency_p95_seconds                double precision,
    error_ratio                        double precision,
    replicas                           double precision,
    -- one row per grid slot, whoever writes; also finds the samples of one workload
    PRIMARY KEY (cluster, workload_id, timestamp)
) PARTITION BY RANGE (timestamp);
COMMENT ON TABLE workload_metrics IS 'Clean samples on the regular grid; gaps and off slots are rows.';
INSERT INTO partition_policies VALUES ('workload_metrics', 'day');

CREATE TABLE quarantined_metrics (
    cluster                            text COLLATE "C" NOT NULL,
    workload_id                        text COLLATE "C" NOT NULL,
    timestamp                          timestamptz NOT NULL,
    reason                             text NOT NULL,
    detail                             text,
    cpu_usage_cores                    double precision,
    cpu_usage_peak_cores               double precision,
    cpu_capacity_cores                 double precision,
    memory_usage_bytes                 double precision,
    memory_capacity_bytes              double precision,
    disk_read_bytes_per_second         double precision,
    disk_write_bytes_per_second        double precision,
    network_receive_bytes_per_second   double precision,
    network_transmit_bytes_per_second  double precision,
    requests_per_second                double precision,
    latency_p95_seconds                double precision,
    error_ratio                        double precision,
    replicas                           double precision
) PARTITION BY RANGE (timestamp);
COMMENT ON TABLE quarantined_metrics IS 'Every rejected sample with its reason: clean + quarantined = received.';
INSERT INTO partition_policies VALUES ('quarantined_metrics', 'month');
-- Few rows, replaced and read by cluster and time.
CREATE INDEX quarantined_metrics_time ON quarantined_metrics (cluster, timestamp);

CREATE TABLE workload_hours (
    cluster                                text COLLATE "C" NOT NULL,
    workload_id                            text COLLATE "C" NOT NULL,
    timestamp                              timestamptz NOT NULL,
    on_count                               integer NOT NULL,
    off_count                              integer NOT NULL,
    expected_count                         integer NOT NULL CHECK (on_count + off_count <= expected_count),
    cpu_usage_cores_mean                   double precision,
    cpu_usage_cores_max                    double precision,
    cpu_usage_cores_p95                    double precision,
    cpu_usage_cores_std                    double precision,
    cpu_capacity_cores                     double precision,
    memory_usage_bytes_mean                double precision,
    memory_usage_bytes_max                 double precision,
    memory_usage_bytes_std                 double precision,
    memory_capacity_bytes                  double precision,
    disk_read_bytes_per_second_mean        double precision,
    disk_write_bytes_per_second_mean       double precision,
    network_receive_bytes_per_second_mean  double precision,
    network_transmit_bytes_per_second_mean double precision,
    requests_per_second_mean               double precision,
    requests_per_second_max                double precision,
    latency_p95_seconds_max                double precision,
    error_ratio_mean                       double precision,
    replicas_mean                          double precision,
    -- every analytical query asks for a cluster and a span of time; rows arrive in this order
    PRIMARY KEY (cluster, timestamp, workload_id)
) PARTITION BY RANGE (timestamp);
COMMENT ON TABLE workload_hours IS 'Hourly roll-up of the clean samples: what dashboards and analytics read.';
INSERT INTO partition_policies VALUES ('workload_hours', 'month');
