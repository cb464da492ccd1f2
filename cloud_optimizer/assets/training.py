"""Training: one asset a model family, all from one factory.

Partition (date, cluster) is the family trained as of the end of that day, on nothing later, so a backfill of these
partitions is a walk-forward evaluation. They are materialized sparsely.
"""

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl
from dagster import (
    AssetCheckResult,
    AssetExecutionContext,
    AssetsDefinition,
    MaterializeResult,
    MetadataValue,
    ResourceParam,
    asset,
)

from cloud_optimizer.assets.checks import SliceCheck, check_results, check_specs
from cloud_optimizer.assets.graph import MODEL_OWNERS, partitioned
from cloud_optimizer.assets.patience import waits_for_services
from cloud_optimizer.assets.tables import table_head, table_schema
from cloud_optimizer.core.errors import CloudOptimizerError, ServiceUnavailable
from cloud_optimizer.core.forecasting.families import FORECASTERS
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.rollup import PANEL_COLUMNS
from cloud_optimizer.core.training import (
    EVALUATION_SCHEMA,
    Trained,
    data_version,
    evaluation_frame,
    observed_part,
    train,
)
from cloud_optimizer.core.tuning.choice import Hyperparameters, chosen_hyperparameters
from cloud_optimizer.partitions import Slice, midnight, slices_of
from cloud_optimizer.resources.evaluations import EvaluationStore
from cloud_optimizer.resources.feature_store import FeatureStore
from cloud_optimizer.resources.model_registry import LoggedModel, ModelRegistry, RunKey
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.resources.warehouse.tuned import tunings_as_of
from cloud_optimizer.settings import Settings

TRAINED = {"trained": False}

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
    return observed_part(feature_store.panel(cluster, start, end, PANEL_COLUMNS))


def model_asset(family: str, description: str, kinds: set[str]) -> AssetsDefinition:
    """Build the asset of one family.

    A family that cannot be trained fails its own check and leaves no losses; the others are compared without it.
    """
    name = f"{family}_model"

    @asset(
        **partitioned("training", kinds, MODEL_OWNERS),
        name=name,
        deps=["workload_features", "tuned_hyperparameters"],
        metadata={"dagster/column_schema": table_schema(EVALUATION_SCHEMA)},
        check_specs=check_specs(name, TRAINED, {"trained": "The family could be evaluated and fitted."}),
        description=f"{description} Trained as of the end of the day, with its out-of-time losses.",
        pool="training",
    )
    @waits_for_services
    def trained_model(
        context: AssetExecutionContext,
        feature_store: ResourceParam[FeatureStore],
        evaluations: ResourceParam[EvaluationStore],
        model_registry: ResourceParam[ModelRegistry],
        warehouse: ResourceParam[Warehouse],
        settings: ResourceParam[Settings],
    ) -> Iterator[MaterializeResult | AssetCheckResult]:
        """Evaluate the family out of time, fit it on everything up to the day, log it and keep its losses."""
        metadata: dict[str, object] = {}
        checks = []
        for part in slices_of(context):
            for day in part.days:
                panel = training_panel(feature_store, part.cluster, day, settings)
                key = RunKey(name, part.cluster, day, context.run.run_id, context.retry_number)
                tuning = tunings_as_of(warehouse, part.cluster, day).get(family)
                chosen = chosen_hyperparameters(family, tuning)
                try:
                    trained, logged = _train(chosen, key, panel, model_registry, settings)
                except ServiceUnavailable:
                    raise
                except CloudOptimizerError as error:
                    evaluations.remove(part.cluster, day, family)
                    checks.append(SliceCheck("trained", Slice(part.cluster, day, day), False, str(error)))
                    continue
                evaluations.write(part.cluster, day, family, _losses(trained, part.cluster, day, logged))
                checks.append(SliceCheck("trained", Slice(part.cluster, day, day), True, f"trained as of {day}"))
                metadata = _metadata(trained, logged, chosen)
                context.add_asset_metadata({"mlflow_run": logged.run_id}, partition_key=part.key(day))
        yield MaterializeResult(metadata=metadata)
        yield from check_results(name, checks, TRAINED)

    return trained_model


def _train(
    chosen: Hyperparameters, key: RunKey, panel: Panel, registry: ModelRegistry, settings: Settings
) -> tuple[Trained, LoggedModel]:
    with registry.run(key) as run_id:
        trained = train(chosen.forecaster, panel, settings.training, settings.forecast)
        logged = registry.log_fitted(
            run_id,
            trained.fitted,
            data_version=data_version(panel),
            params={**settings.forecast.model_dump(), **settings.training.model_dump(), **chosen.logged},
            metrics=trained.metrics,
            tags=chosen.tags,
            example=panel.rows(range(min(3, len(panel.workload_ids)))),
        )
    return trained, logged


def _losses(trained: Trained, cluster: str, day: date, logged: LoggedModel) -> pl.DataFrame:
    return evaluation_frame(trained.result, cluster, day, logged.model_id)


def _metadata(trained: Trained, logged: LoggedModel, chosen: Hyperparameters) -> dict[str, object]:
    return {
        "hyperparameters": chosen.source,
        "fit_seconds": round(trained.fit_seconds, 2),
        "mlflow_run": logged.run_id,
        "model_id": logged.model_id,
        "out_of_time": table_head(trained.result.summary, rows=8),
        "notes": MetadataValue.md("\n".join(f"- {note}" for note in trained.result.notes) or "none"),
    }


MODEL_ASSETS = [model_asset(name, *FAMILIES[name]) for name in FAMILIES if name in FORECASTERS]
