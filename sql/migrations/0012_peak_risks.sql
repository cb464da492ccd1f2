-- How likely demand reaches the present capacity within the next day, and by which model that is told.

CREATE TABLE peak_risk_models (
    cluster      text COLLATE "C" NOT NULL,
    date         date NOT NULL,  -- nothing later than its end was learned from
    model_id     text NOT NULL,  -- in MLflow
    remedy       text NOT NULL,  -- what was done about rarity
    notes        text,
    data_version text,
    mlflow_run   text,
    PRIMARY KEY (cluster, date)  -- "the newest as of a day" is its last entry until that day
);
COMMENT ON TABLE peak_risk_models IS 'The peak-risk model trained as of each day.';

CREATE TABLE peak_risks (
    cluster     text COLLATE "C" NOT NULL,
    workload_id text COLLATE "C" NOT NULL,
    date        date NOT NULL,     -- the window is the 24 hours after its end
    target      text NOT NULL,
    probability double precision,  -- null: the capacity is not known
    threshold   double precision,  -- share of the capacity that counts as reached
    model_id    text,
    PRIMARY KEY (cluster, date, target, workload_id)
);
COMMENT ON TABLE peak_risks IS 'Probability that demand reaches the present capacity within 24 hours.';
