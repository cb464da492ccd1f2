"""Jobs: the selections of the graph that are launched as one run."""

from dagster import AssetSelection, define_asset_job

INGESTION = AssetSelection.groups("ingestion", "validation", "features")
TRAINING = AssetSelection.groups("training", "champion")
TUNING = AssetSelection.groups("tuning")
DECISIONS = AssetSelection.groups("forecasting", "decisions", "monitoring")
REPLAY = AssetSelection.assets("policy_replay")

ingestion_job = define_asset_job(
    "ingestion",
    selection=INGESTION,
    description="Telemetry to features: all that can be done for a cluster before it has a champion.",
)

recommendation_job = define_asset_job(
    "recommendation",
    selection=INGESTION | (DECISIONS - REPLAY),
    description="A day of a cluster from telemetry to recommendations, without the replay of all policies.",
)

complete_partition_job = define_asset_job(
    "complete_partition",
    selection=INGESTION | DECISIONS,
    description="A day of a cluster from telemetry to recommendations and monitoring, with the champion as it stands.",
)

retraining_job = define_asset_job(
    "retraining",
    selection=TRAINING,
    description="Train every family as of a day, compare out of time, and promote only what is measurably better.",
)

savings_job = define_asset_job(
    "savings",
    selection=AssetSelection.assets("realised_savings"),
    description="Measure what applied recommendations saved, on days of which people told more since.",
)

tuning_job = define_asset_job(
    "tuning",
    selection=TUNING,
    description="Search hyper-parameters as of a day; trainings from that day on use what beat the defaults.",
    tags={"dagster/priority": "-1"},  # it shares a pool with trainings, which go first
)
