-- How sure the measures of a replayed policy are: 95 % bootstrap intervals over workloads. Null in earlier rows.

ALTER TABLE policy_replays
    ADD COLUMN provision_lower double precision,
    ADD COLUMN provision_upper double precision,
    ADD COLUMN slack_lower double precision,
    ADD COLUMN slack_upper double precision,
    ADD COLUMN violating_observations_lower double precision,
    ADD COLUMN violating_observations_upper double precision,
    ADD COLUMN unmet_volume_lower double precision,
    ADD COLUMN unmet_volume_upper double precision,
    ADD COLUMN violating_workload_days_lower double precision,
    ADD COLUMN violating_workload_days_upper double precision,
    ADD COLUMN changes_per_workload_day_lower double precision,
    ADD COLUMN changes_per_workload_day_upper double precision,
    ADD COLUMN provision_at_1pct_lower double precision,
    ADD COLUMN provision_at_1pct_upper double precision,
    ADD COLUMN provision_at_0_1pct_lower double precision,
    ADD COLUMN provision_at_0_1pct_upper double precision,
    ADD COLUMN regret_lower double precision,
    ADD COLUMN regret_upper double precision;
