-- Recommendations, what people did with them, what that saved.

CREATE TABLE recommendations (
    recommendation_id                text COLLATE "C" PRIMARY KEY,
    cluster                          text COLLATE "C" NOT NULL,
    workload_id                      text COLLATE "C" NOT NULL,
    date                             date NOT NULL,
    created_at                       timestamptz NOT NULL,
    valid_until                      timestamptz NOT NULL,
    status                           text NOT NULL DEFAULT 'proposed'
                                     CHECK (status IN ('proposed', 'accepted', 'dismissed', 'applied', 'reverted', 'expired')),
    algorithm                        text,
    algorithm_version                text,
    model_version                    text,
    run_id                           text,
    owner                            text,
    slo_class                        text,
    finding                          text NOT NULL,
    reason_codes                     text[],
    explanation                      text,
    current_cpu_cores                double precision,
    current_memory_bytes             double precision,
    current_cpu_limit_cores          double precision,
    current_memory_limit_bytes       double precision,
    current_replicas                 double precision,
    recommended_cpu_cores            double precision,
    recommended_memory_bytes         double precision,
    recommended_replicas             double precision,
    recommended_hpa_target_cpu_cores double precision,
    replica_schedule                 json,
    lower_cpu_cores                  double precision,
    upper_cpu_cores                  double precision,
    uncapped_cpu_cores               double precision,
    lower_memory_bytes               double precision,
    upper_memory_bytes               double precision,
    uncapped_memory_bytes            double precision,
    current_risk_cpu                 double precision,
    current_risk_memory              double precision,
    risk_cpu                         double precision,
    risk_memory                      double precision,
    risk                             text,
    currency                         text,
    list_monthly_cost_before         double precision,
    list_monthly_cost_after          double precision,
    monthly_cost_before              double precision,
    monthly_cost_after               double precision,
    monthly_saving                   double precision,
    monthly_saving_lower             double precision,
    monthly_saving_upper             double precision,
    lookback_days                    double precision,
    samples                          integer,
    completeness                     double precision,
    cpu_p50_cores                    double precision,
    cpu_p95_cores                    double precision,
    cpu_p99_cores                    double precision,
    cpu_max_cores                    double precision,
    memory_p50_bytes                 double precision,
    memory_p95_bytes                 double precision,
    memory_p99_bytes                 double precision,
    memory_max_bytes                 double precision,
    projected_cpu_utilization        double precision,
    projected_memory_utilization     double precision,
    effort                           text,
    restart_needed                   boolean,
    overlap_group                    text,
    options                          json,
    UNIQUE (cluster, date, workload_id)  -- one a day; replaced and read by cluster and day
);
COMMENT ON TABLE recommendations IS 'One recommendation for one workload and day; risk is calibrated.';

CREATE TABLE recommendation_transitions (
    transition_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recommendation_id text COLLATE "C" NOT NULL,
    from_status       text NOT NULL,
    to_status         text NOT NULL,
    changed_at        timestamptz NOT NULL DEFAULT now(),
    actor             text NOT NULL,
    note              text
);
COMMENT ON TABLE recommendation_transitions IS
    'Audit of every change of status. It outlives the recommendation, so no foreign key.';
-- The history of one recommendation, and its last status.
CREATE INDEX recommendation_transitions_of ON recommendation_transitions (recommendation_id, transition_id);

CREATE FUNCTION keep_recommendation_status() RETURNS trigger
LANGUAGE plpgsql AS $$
-- A rerun of a partition writes its recommendations anew as proposed; what people decided stays.
BEGIN
    NEW.status := coalesce(
        (SELECT to_status FROM recommendation_transitions
         WHERE recommendation_id = NEW.recommendation_id ORDER BY transition_id DESC LIMIT 1),
        NEW.status
    );
    RETURN NEW;
END $$;
CREATE TRIGGER keep_status BEFORE INSERT ON recommendations
    FOR EACH ROW EXECUTE FUNCTION keep_recommendation_status();

CREATE TABLE realised_savings (
    recommendation_id text COLLATE "C" NOT NULL,
    cluster           text COLLATE "C" NOT NULL,
    workload_id       text COLLATE "C" NOT NULL,
    date              date NOT NULL,
    predicted_saving  double precision,
    realised_saving   double precision,
    currency          text,
    PRIMARY KEY (cluster, date, recommendation_id)
);
COMMENT ON TABLE realised_savings IS 'Money saved on a day after a recommendation was applied, beside what was promised.';
