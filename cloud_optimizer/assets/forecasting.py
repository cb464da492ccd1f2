"""Forecasting: the next day's demand of every workload, by the champion as it was chosen at the time.

A partition uses the choice as of its own day, not today's alias: an old partition gives its old answer again.
"""

from datetime import timedelta

import polars as pl
from dagster import AssetExecutionContext, MaterializeResult, ResourceParam, asset

from cloud_optimizer.assets.graph import MODEL_OWNERS, partitioned
from cloud_optimizer.assets.loaded_champions import LoadedChampions
from cloud_optimizer.assets.patience import waits_for_services
from cloud_optimizer.assets.tables import rows_by_day, table_head, table_schema, tell_of_slice
from cloud_optimizer.core.contracts import FORECAST_SCHEMA
from cloud_optimizer.core.forecasting.selection import champion_forecast
from cloud_optimizer.core.rollup import PANEL_COLUMNS
from cloud_optimizer.partitions import midnight, slices_of
from cloud_optimizer.resources.feature_store import FeatureStore
from cloud_optimizer.resources.model_registry import ModelRegistry
from cloud_optimizer.resources.warehouse import FORECASTS, Warehouse
from cloud_optimizer.settings import Settings


@asset(
    **partitioned("forecasting", {"postgres", "mlflow"}, MODEL_OWNERS),
    deps=["champion_model", "workload_features"],
    metadata={"dagster/column_schema": table_schema(FORECAST_SCHEMA)},
    description="Calibrated quantiles of hourly CPU and memory demand for the 24 hours after the day.",
)
@waits_for_services
def demand_forecast(
    context: AssetExecutionContext,
    warehouse: ResourceParam[Warehouse],
    feature_store: ResourceParam[FeatureStore],
    model_registry: ResourceParam[ModelRegistry],
    settings: ResourceParam[Settings],
) -> MaterializeResult:
    """Forecast from the end of every day of the slices with the champions of that day."""
    for part in slices_of(context):
        history = timedelta(days=settings.forecast.history_days)
        panel = feature_store.panel(part.cluster, part.start - history, part.end, PANEL_COLUMNS)
        champions = LoadedChampions(part.cluster, warehouse, model_registry)
        days = [midnight(day + timedelta(days=1)) for day in part.days]
        frame = pl.concat(
            champion_forecast(champions.of(day), panel.window(end - history, end), end, part.cluster)
            for day, end in zip(part.days, days, strict=True)
        )
        warehouse.replace(part.cluster, part.first, part.next_day, {FORECASTS: frame})
        rows_by_day(context, part, frame.select(FORECASTS.day()).to_series())
        models = ", ".join(sorted(frame["model"].unique()))
        tell_of_slice(context, part, {"rows": frame.height, "models": models, "head": table_head(frame)})
    return MaterializeResult()
