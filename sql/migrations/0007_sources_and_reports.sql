-- Where each cluster's telemetry comes from, and the two reports that decisions are judged by.

CREATE TABLE telemetry_sources (
    cluster      text COLLATE "C" PRIMARY KEY,
    kind         text NOT NULL,                    -- simulator, trace, ...
    options      jsonb NOT NULL,                   -- what opens the source again
    first_sample timestamptz NOT NULL,             -- UTC midnight
    end_sample   timestamptz NOT NULL CHECK (end_sample > first_sample),
    step         interval NOT NULL,                -- grid of every partition: a single day may not show its cadence
    regular      boolean NOT NULL,
    cadence_note text NOT NULL
);
COMMENT ON TABLE telemetry_sources IS 'One row a cluster: how its samples are read.';

CREATE TABLE policy_replays (
    cluster                  text COLLATE "C" NOT NULL,
    date                     date NOT NULL,
    resource                 text NOT NULL CHECK (resource IN ('cpu', 'memory')),
    cadence                  text NOT NULL,
    policy                   text NOT NULL,
    provision                double precision,
    slack                    double precision,
    violating_observations   double precision,
    unmet_volume             double precision,
    violating_workload_days  double precision,
    changes_per_workload_day double precision,
    provision_at_1pct        double precision,
    provision_at_0_1pct      double precision,
    regret                   double precision,
    PRIMARY KEY (cluster, date, resource, cadence, policy)
);
COMMENT ON TABLE policy_replays IS 'Each sizing policy replayed on the days up to `date`; shares of the static capacity.';

CREATE TABLE cost_reports (
    cluster                  text COLLATE "C" NOT NULL,
    date                     date NOT NULL,
    owner                    text,                 -- null: the whole cluster
    currency                 text,
    workloads                integer,
    changes                  integer,
    list_monthly_cost_before double precision,
    list_monthly_cost_after  double precision,
    monthly_cost_before      double precision,
    monthly_cost_after       double precision,
    monthly_saving           double precision,
    monthly_saving_lower     double precision,
    monthly_saving_upper     double precision,
    gross_monthly_saving     double precision,
    monthly_reinvestment     double precision,
    saving_ratio             double precision,
    change_cost              double precision,
    roi                      double precision,
    payback_days             double precision,
    UNIQUE NULLS NOT DISTINCT (cluster, date, owner, currency)
);
COMMENT ON TABLE cost_reports IS 'Cost before and after the recommendations of a day, per owner and for the cluster.';
