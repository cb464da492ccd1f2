-- Hyper-parameters: what each tuning decided. The trials lie in a schema of Optuna's own; it creates the tables.
CREATE SCHEMA IF NOT EXISTS tuning;

CREATE TABLE tuned_hyperparameters (
    cluster           text COLLATE "C" NOT NULL,
    date              date NOT NULL,     -- nothing later than its end was looked at
    family            text NOT NULL,
    parameters        text NOT NULL,     -- JSON: name to value, of the best trial
    adopted           boolean NOT NULL,  -- false: the defaults stay
    reason            text,
    search_loss       double precision,  -- share of the defaults' loss on the windows of the search
    confirmation_loss double precision,  -- the same on later days that no trial saw
    trials            integer,
    study             text,
    data_version      text,
    mlflow_run        text,
    PRIMARY KEY (cluster, family, date)  -- "the newest as of a day" is its last entry until that day
);
COMMENT ON TABLE tuned_hyperparameters IS 'What each tuning of a cluster decided; trainings use the newest one.';
