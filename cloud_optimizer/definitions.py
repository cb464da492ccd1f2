"""The one place where the platform is put together: `build_defs(settings)` returns a fresh Definitions object."""

from collections.abc import Mapping
from typing import Any

from dagster import Definitions, ResourceDefinition, in_process_executor

from cloud_optimizer.assets.champion import champion_model, model_comparison
from cloud_optimizer.assets.decisions import cost_report_asset, policy_replay, realised_savings, scaling_recommendations
from cloud_optimizer.assets.features import online_features, workload_features
from cloud_optimizer.assets.forecasting import demand_forecast
from cloud_optimizer.assets.ingestion import raw_workload_metrics
from cloud_optimizer.assets.monitoring import drift_report, forecast_accuracy_asset
from cloud_optimizer.assets.peak_risk import peak_risk_model, peak_risks
from cloud_optimizer.assets.training import MODEL_ASSETS
from cloud_optimizer.assets.tuning import tuned_hyperparameters
from cloud_optimizer.assets.validation import validation
from cloud_optimizer.automation.alerts import alerts
from cloud_optimizer.automation.jobs import (
    complete_partition_job,
    ingestion_job,
    recommendation_job,
    retraining_job,
    savings_job,
    tuning_job,
)
from cloud_optimizer.automation.new_clusters import new_clusters
from cloud_optimizer.automation.retention import retention_job, weekly_retention
from cloud_optimizer.automation.retraining_health import retraining_succeeds
from cloud_optimizer.automation.savings import restated_savings
from cloud_optimizer.automation.schedules import daily_partition, missing_partitions, newest_partitions, weekly_tuning
from cloud_optimizer.automation.sensors import retraining_on_cause
from cloud_optimizer.connections import Platform
from cloud_optimizer.core.clock import utc_now
from cloud_optimizer.settings import Settings, load_settings

ASSETS = [
    raw_workload_metrics,
    validation,
    workload_features,
    online_features,
    tuned_hyperparameters,
    *MODEL_ASSETS,
    peak_risk_model,
    peak_risks,
    model_comparison,
    champion_model,
    demand_forecast,
    drift_report,
    scaling_recommendations,
    policy_replay,
    cost_report_asset,
    realised_savings,
    forecast_accuracy_asset,
]

RESOURCES = {
    "warehouse": "Telemetry and results in PostgreSQL.",
    "telemetry": "The telemetry sources of all clusters.",
    "feature_store": "Features: Parquet offline, PostgreSQL online, Feast as the catalogue.",
    "evaluations": "Out-of-time losses of candidate models.",
    "model_registry": "Models and champions in MLflow.",
    "searches": "Searches for hyper-parameters: Optuna on PostgreSQL.",
    "drift_reports": "Evidently reports as files.",
    "notifications": "Messages to people, over webhook and e-mail.",
}


def build_defs(settings: Settings | None = None, overrides: Mapping[str, Any] | None = None) -> Definitions:
    """Assemble assets, automation and resources.

    Args:
        settings: Where the state is and how everything is done; read from the environment where missing.
        overrides: Resource name to another value, such as a clock.
    """
    settings = settings or load_settings()
    platform = Platform(settings)
    resources: dict[str, Any] = {name: _lazy(platform, name, text) for name, text in RESOURCES.items()}
    resources["settings"] = ResourceDefinition.hardcoded_resource(settings, "Settings of the platform.")
    resources["clock"] = ResourceDefinition.hardcoded_resource(utc_now, "The time.")
    return Definitions(
        assets=ASSETS,
        asset_checks=[retraining_succeeds],
        jobs=[
            ingestion_job,
            recommendation_job,
            complete_partition_job,
            savings_job,
            retraining_job,
            tuning_job,
            retention_job,
        ],
        schedules=[
            newest_partitions,
            daily_partition,
            missing_partitions,
            restated_savings,
            weekly_tuning,
            weekly_retention,
        ],
        sensors=[new_clusters, retraining_on_cause, alerts],
        resources={**resources, **(overrides or {})},
        # steps share a process: a process each costs seconds a step; parallelism is across runs
        executor=in_process_executor,
    )


def _lazy(platform: Platform, name: str, description: str) -> ResourceDefinition:
    """Connect when a run needs it: loading definitions starts no server."""
    return ResourceDefinition(lambda _: getattr(platform, name), description=description)


defs = build_defs()
