-- What the models said and how good it was.

CREATE TABLE forecasts (
    cluster       text COLLATE "C" NOT NULL,
    workload_id   text COLLATE "C" NOT NULL,
    origin        timestamptz NOT NULL,
    target        text NOT NULL,
    timestamp     timestamptz NOT NULL CHECK (timestamp >= origin),
    model         text NOT NULL,
    model_version text,
    "q0.025"      double precision,
    "q0.05"       double precision,
    "q0.1"        double precision,
    "q0.25"       double precision,
    "q0.5"        double precision,
    "q0.75"       double precision,
    "q0.9"        double precision,
    "q0.95"       double precision,
    "q0.975"      double precision,
    "q0.99"       double precision
) PARTITION BY RANGE (origin);
COMMENT ON TABLE forecasts IS 'Demand quantiles of the next 24 hours, in the unit of the target.';
INSERT INTO partition_policies VALUES ('forecasts', 'day');
-- Loads append a cluster's rows in this order, so BRIN finds a cluster, or a target or workload of it, as for
-- raw_workload_metrics.
CREATE INDEX forecasts_brin ON forecasts
    USING brin (cluster, target, workload_id) WITH (pages_per_range = 8, autosummarize = on);

CREATE TABLE champions (
    cluster         text COLLATE "C" NOT NULL,
    date            date NOT NULL,
    resource        text NOT NULL CHECK (resource IN ('cpu', 'memory')),
    model           text NOT NULL,
    model_version   text,
    trained_until   date NOT NULL,  -- last day the model learned from
    promoted        boolean NOT NULL,
    reason          text,
    score           double precision,
    incumbent_score double precision,
    expected_wape   double precision,
    data_version    text,
    PRIMARY KEY (cluster, resource, date)  -- "the latest as of a day" is its last entry before that day
);
COMMENT ON TABLE champions IS 'The model chosen as of the end of a day.';

CREATE TABLE accuracy (
    cluster              text COLLATE "C" NOT NULL,
    date                 date NOT NULL,
    target               text NOT NULL,
    model                text NOT NULL,
    model_version        text NOT NULL DEFAULT '',
    series               integer,
    observations         integer,
    wape                 double precision,
    mase                 double precision,
    wql                  double precision,
    coverage_80          double precision,
    coverage_95          double precision,
    over_forecast_ratio  double precision,
    under_forecast_ratio double precision,
    PRIMARY KEY (cluster, date, target, model, model_version)
);
COMMENT ON TABLE accuracy IS 'Forecasts of a day against what happened.';

CREATE TABLE drift (
    cluster   text COLLATE "C" NOT NULL,
    date      date NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('data', 'prediction', 'target')),
    "column"  text NOT NULL,
    statistic text NOT NULL,
    value     double precision,
    threshold double precision,
    drifted   boolean NOT NULL,
    PRIMARY KEY (cluster, date, kind, "column", statistic)
);
COMMENT ON TABLE drift IS 'Distance of a day''s distributions from the champion''s training window.';
