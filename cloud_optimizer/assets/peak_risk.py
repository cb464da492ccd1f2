"""Peak risk: a classifier trained sparsely like the forecasting families, and what it says of every day."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache

import polars as pl
from dagster import AssetCheckResult, AssetExecutionContext, MaterializeResult, MetadataValue, ResourceParam, asset

from cloud_optimizer.assets.checks import SliceCheck, check_results, check_specs
from cloud_optimizer.assets.graph import MODEL_OWNERS, partitioned
from cloud_optimizer.assets.model_factory import training_panel
from cloud_optimizer.assets.patience import waits_for_services
from cloud_optimizer.assets.tables import rows_by_day, table_head, table_schema
from cloud_optimizer.core.errors import CloudOptimizerError, ServiceUnavailable
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.peak_risk import FittedPeakRisk, TrainedPeakRisk, train_peak_risk
from cloud_optimizer.core.peak_risk.records import PEAK_RISK_MODEL_SCHEMA, PEAK_RISK_SCHEMA, peak_risk_frame
from cloud_optimizer.core.rollup import PANEL_COLUMNS
from cloud_optimizer.core.training import data_version
from cloud_optimizer.partitions import Slice, midnight, slices_of
from cloud_optimizer.resources.feature_store import FeatureStore
from cloud_optimizer.resources.model_registry import LoggedModel, ModelRegistry, RunKey
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.resources.warehouse.peaks import PEAK_RISK_MODELS, PEAK_RISKS, peak_risk_model_as_of
from cloud_optimizer.settings import Settings

NAME = "peak_risk_model"
TRAINED = {"trained": False}
UNITS = {"probability": "0 to 1", "threshold": "share of the capacity that counts as reached"}


@asset(
    **partitioned("training", {"lightgbm", "mlflow"}, MODEL_OWNERS),
    name=NAME,
    deps=["workload_features"],
    metadata={"dagster/column_schema": table_schema(PEAK_RISK_MODEL_SCHEMA)},
    check_specs=check_specs(NAME, TRAINED, {"trained": "The model could be fitted, if only with the base rate."}),
    description="Calibrated classifier: does demand reach the present capacity within 24 hours? A rare event.",
    pool="training",
)
@waits_for_services
def peak_risk_model(
    context: AssetExecutionContext,
    feature_store: ResourceParam[FeatureStore],
    model_registry: ResourceParam[ModelRegistry],
    warehouse: ResourceParam[Warehouse],
    settings: ResourceParam[Settings],
) -> Iterator[MaterializeResult | AssetCheckResult]:
    """Compare the remedies for rarity out of time, fit with the best one as of each day, and log it."""
    checks = []
    for part in slices_of(context):
        for day in part.days:
            panel = training_panel(feature_store, part.cluster, day, settings)
            key = RunKey(NAME, part.cluster, day, context.run.run_id, context.retry_number)
            frame, told = PEAK_RISK_MODEL_SCHEMA.to_frame(), f"trained as of {day}"
            try:
                trained, logged = _train(key, panel, model_registry, settings)
            except ServiceUnavailable:
                raise
            except CloudOptimizerError as error:
                told = str(error)
            else:
                frame = _row(trained, logged, part.cluster, day)
                context.add_asset_metadata(_metadata(trained, logged), partition_key=part.key(day))
            warehouse.replace(part.cluster, day, day + timedelta(days=1), {PEAK_RISK_MODELS: frame})
            checks.append(SliceCheck("trained", Slice(part.cluster, day, day), not frame.is_empty(), told))
    yield MaterializeResult()
    yield from check_results(NAME, checks, TRAINED)


@asset(
    **partitioned("forecasting", {"postgres", "mlflow"}, MODEL_OWNERS),
    deps=[peak_risk_model, "workload_features"],
    metadata={"dagster/column_schema": table_schema(PEAK_RISK_SCHEMA, UNITS)},
    description="Probability that each workload reaches its present capacity within the 24 hours after the day.",
)
@waits_for_services
def peak_risks(
    context: AssetExecutionContext,
    feature_store: ResourceParam[FeatureStore],
    model_registry: ResourceParam[ModelRegistry],
    warehouse: ResourceParam[Warehouse],
    settings: ResourceParam[Settings],
) -> MaterializeResult:
    """Ask the newest model of each day; a day before the first model stays empty."""
    for part in slices_of(context):
        history = timedelta(days=settings.peak_risk.history_days)
        panel = feature_store.panel(part.cluster, part.start - history, part.end, PANEL_COLUMNS)
        load = cache(model_registry.load_peak_risk)
        frame = pl.concat(_risks(part.cluster, day, panel, warehouse, load) for day in part.days)
        warehouse.replace(part.cluster, part.first, part.next_day, {PEAK_RISKS: frame})
        rows_by_day(context, part, frame["date"])
        newest = frame.filter(pl.col("date") == part.last).sort("probability", descending=True, nulls_last=True)
        likely = newest.select("workload_id", "target", "probability")
        facts = {"rows": newest.height, "most_likely": table_head(likely, rows=20)}
        context.add_asset_metadata(facts, partition_key=part.key(part.last))
    return MaterializeResult()


def _risks(
    cluster: str, day: date, panel: Panel, warehouse: Warehouse, load: Callable[[str], FittedPeakRisk]
) -> pl.DataFrame:
    model = peak_risk_model_as_of(warehouse, cluster, day)
    if model is None:
        return PEAK_RISK_SCHEMA.to_frame()
    fitted = load(model["model_id"])
    origin = midnight(day + timedelta(days=1))
    forecast = fitted.predict(panel.window(panel.start, origin), origin)
    return peak_risk_frame(fitted, forecast, cluster, day, model["model_id"])


def _train(
    key: RunKey, panel: Panel, registry: ModelRegistry, settings: Settings
) -> tuple[TrainedPeakRisk, LoggedModel]:
    with registry.run(key) as run_id:
        trained = train_peak_risk(panel, settings.peak_risk)
        logged = registry.log_fitted(
            run_id,
            trained.fitted,
            data_version=data_version(panel),
            params=trained.fitted.settings.model_dump(),
            metrics=trained.metrics,
            example=panel.rows(range(min(3, len(panel.workload_ids)))),
        )
        registry.log_table(run_id, trained.comparison, "remedies.json")
    return trained, logged


def _row(trained: TrainedPeakRisk, logged: LoggedModel, cluster: str, day: date) -> pl.DataFrame:
    values = {
        "cluster": cluster,
        "date": day,
        "model_id": logged.model_id,
        "remedy": trained.fitted.settings.remedy,
        "notes": " ".join(trained.notes),
        "data_version": logged.data_version,
        "mlflow_run": logged.run_id,
    }
    return pl.DataFrame([values], schema=PEAK_RISK_MODEL_SCHEMA)


def _metadata(trained: TrainedPeakRisk, logged: LoggedModel) -> dict[str, object]:
    return {
        "remedy": trained.fitted.settings.remedy,
        "remedies": table_head(trained.comparison, rows=20),
        "notes": MetadataValue.md("\n".join(f"- {note}" for note in trained.notes) or "none"),
        "mlflow_run": logged.run_id,
        "model_id": logged.model_id,
    }
