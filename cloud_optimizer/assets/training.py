"""Training: one asset a model family, all from one factory.

Partition (date, cluster) is the family trained as of the end of that day, on nothing later, so a backfill of these
partitions is a walk-forward evaluation. They are materialized sparsely.
"""

from datetime import date, timedelta

from dagster import AssetExecutionContext, AssetsDefinition, MaterializeResult, MetadataValue, ResourceParam, asset

from cloud_optimizer.assets.graph import MODEL_OWNERS, partitioned
from cloud_optimizer.assets.tables import table_head
from cloud_optimizer.core.forecasting.families import FORECASTERS
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.rollup import PANEL_COLUMNS
from cloud_optimizer.core.training import Trained, data_version, evaluation_frame, train
from cloud_optimizer.partitions import midnight, slices_of
from cloud_optimizer.resources.evaluations import EvaluationStore
from cloud_optimizer.resources.feature_store import FeatureStore
from cloud_optimizer.resources.model_registry import LoggedModel, ModelRegistry, RunKey
from cloud_optimizer.settings import Settings

FAMILIES = {
    "seasonal_naive": ("The same hour yesterday, with the quantiles of its own past errors.", {"python"}),
    "autotheta": ("A local statistical model per series (AutoTheta).", {"python"}),
    "lightgbm": ("One direct global quantile model of all workloads, gradient boosting.", {"lightgbm", "mlflow"}),
    "xgboost": ("One direct global quantile model of all workloads, gradient boosting.", {"xgboost", "mlflow"}),
    "catboost": ("One direct global quantile model of all workloads, gradient boosting.", {"catboost", "mlflow"}),
    "lstm": ("A recurrent network over the recent hours of every workload.", {"pytorch", "mlflow"}),
    "gru": ("A recurrent network over the recent hours of every workload.", {"pytorch", "mlflow"}),
}


def training_panel(feature_store: FeatureStore, cluster: str, day: date, settings: Settings) -> Panel:
    """Return what a training as of the end of `day` may see."""
    end = midnight(day + timedelta(days=1))
    start = end - timedelta(days=settings.training.history_days)
    return feature_store.panel(cluster, start, end, PANEL_COLUMNS)


def model_asset(family: str, description: str, kinds: set[str]) -> AssetsDefinition:
    """Build the asset of one family."""

    @asset(
        **partitioned("training", kinds, MODEL_OWNERS),
        name=f"{family}_model",
        deps=["workload_features"],
        description=f"{description} Trained as of the end of the day, with its out-of-time losses.",
        pool="training",
    )
    def trained_model(
        context: AssetExecutionContext,
        feature_store: ResourceParam[FeatureStore],
        evaluations: ResourceParam[EvaluationStore],
        model_registry: ResourceParam[ModelRegistry],
        settings: ResourceParam[Settings],
    ) -> MaterializeResult:
        """Evaluate the family out of time, fit it on everything up to the day, log it and keep its losses."""
        metadata: dict[str, object] = {}
        for part in slices_of(context):
            for day in part.days:
                panel = training_panel(feature_store, part.cluster, day, settings)
                trained = train(FORECASTERS[family](), panel, settings.training, settings.forecast)
                key = RunKey(f"{family}_model", part.cluster, day, context.run.run_id, context.retry_number)
                logged = _log(model_registry, key, trained, panel, settings)
                losses = evaluation_frame(trained.result, part.cluster, day, logged.model_id)
                evaluations.write(part.cluster, day, family, losses)
                metadata = _metadata(trained, logged)
                context.add_asset_metadata({"mlflow_run": logged.run_id}, partition_key=part.key(day))
        return MaterializeResult(metadata=metadata)

    return trained_model


def _log(registry: ModelRegistry, key: RunKey, trained: Trained, panel: Panel, settings: Settings) -> LoggedModel:
    with registry.run(key) as run_id:
        return registry.log_fitted(
            run_id,
            trained.fitted,
            data_version=data_version(panel),
            params={**settings.forecast.model_dump(), **settings.training.model_dump()},
            metrics=trained.metrics,
            example=panel.rows(range(min(3, len(panel.workload_ids)))),
        )


def _metadata(trained: Trained, logged: LoggedModel) -> dict[str, object]:
    return {
        "fit_seconds": round(trained.fit_seconds, 2),
        "mlflow_run": logged.run_id,
        "model_id": logged.model_id,
        "out_of_time": table_head(trained.result.summary, rows=8),
        "notes": MetadataValue.md("\n".join(f"- {note}" for note in trained.result.notes) or "none"),
    }


MODEL_ASSETS = [model_asset(name, *FAMILIES[name]) for name in FAMILIES if name in FORECASTERS]
