"""Monitoring: was yesterday's forecast right, and is today still like what the champion learned from?"""

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl
from dagster import (
    AssetCheckResult,
    AssetDep,
    AssetExecutionContext,
    MaterializeResult,
    MetadataValue,
    ResourceParam,
    asset,
)

from cloud_optimizer.assets.checks import SliceCheck, check_results, check_specs
from cloud_optimizer.assets.graph import MODEL_OWNERS, partitioned
from cloud_optimizer.assets.loaded_champions import LoadedChampions
from cloud_optimizer.assets.tables import rows_by_day, table_head, table_schema
from cloud_optimizer.core.accuracy import forecast_accuracy
from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.drift import DriftVerdict, Kind
from cloud_optimizer.core.drift.days import drift_frames, judge_days
from cloud_optimizer.core.drift.predictions import predicted_days
from cloud_optimizer.core.drift.verdict_rows import recorded
from cloud_optimizer.core.records import ACCURACY_SCHEMA, DRIFT_SCHEMA
from cloud_optimizer.core.rollup import panel_from_rollup
from cloud_optimizer.partitions import PREVIOUS_DAY, Slice, midnight, slices_of
from cloud_optimizer.resources.model_registry import ModelRegistry
from cloud_optimizer.resources.warehouse import ACCURACY, DRIFT, FORECASTS, HOURS, Warehouse
from cloud_optimizer.settings import Settings


@asset(
    **partitioned("monitoring", {"postgres"}, MODEL_OWNERS),
    name="forecast_accuracy",
    deps=[AssetDep("demand_forecast", partition_mapping=PREVIOUS_DAY), "workload_metrics"],
    metadata={"dagster/column_schema": table_schema(ACCURACY_SCHEMA)},
    description="The forecast made at the end of the day before, against what the day then was.",
)
def forecast_accuracy_asset(
    context: AssetExecutionContext, warehouse: ResourceParam[Warehouse], settings: ResourceParam[Settings]
) -> MaterializeResult:
    """Score every day of the slices that was forecast."""
    frame = ACCURACY_SCHEMA.to_frame()
    for part in slices_of(context):
        begin = part.start - timedelta(days=settings.forecast.history_days)
        hours = warehouse.read(HOURS, part.cluster, begin.date(), part.next_day)
        forecasts = warehouse.read(FORECASTS, part.cluster, part.first - timedelta(days=1), part.last)
        actuals = hours.filter(pl.col("timestamp") >= part.start)
        frame = forecast_accuracy(forecasts, actuals, panel_from_rollup(hours, begin, part.end, HOUR))
        warehouse.replace(part.cluster, part.first, part.next_day, {ACCURACY: frame})
        rows_by_day(context, part, frame["date"])
    return MaterializeResult(metadata={"scored_days": frame["date"].n_unique(), "accuracy": table_head(frame, rows=40)})


KIND_CHECKS: dict[str, Kind] = {"data_drift": "data", "prediction_drift": "prediction", "target_drift": "target"}
CHECKS = {
    "data_drift": "The telemetry of the day looks like that of the champion's training window.",
    "prediction_drift": "The champion forecasts for the day what it forecast for the days it learned from.",
    "target_drift": "Demand of the day looks like demand in the champion's training window.",
}
TOP = 10
WARNINGS = dict.fromkeys(CHECKS, False)


@asset(
    **partitioned("monitoring", {"postgres", "evidently"}, MODEL_OWNERS),
    deps=["champion_model", "workload_metrics"],
    check_specs=check_specs("drift_report", WARNINGS, CHECKS),
    metadata={"dagster/column_schema": table_schema(DRIFT_SCHEMA)},
    description="Is the day still like what the champion learned from? Statistics with thresholds, and a verdict.",
)
def drift_report(
    context: AssetExecutionContext,
    warehouse: ResourceParam[Warehouse],
    model_registry: ResourceParam[ModelRegistry],
    settings: ResourceParam[Settings],
) -> Iterator[MaterializeResult | AssetCheckResult]:
    """Compare every day with the champion's training window, keep the numbers and render the newest report."""
    checks: list[SliceCheck] = []
    metadata: dict[str, object] = {}
    for part in slices_of(context):
        frames, trained = _frames(part, warehouse, model_registry, settings)
        verdicts = judge_days(part.cluster, trained, frames, settings.drift_reference_days, settings.drift)
        rows = pl.concat(recorded(verdict) for verdict in verdicts)
        warehouse.replace(part.cluster, part.first, part.next_day, {DRIFT: rows})
        checks += [_check(name, kind, verdict) for verdict in verdicts for name, kind in KIND_CHECKS.items()]
        metadata = {"reasons": MetadataValue.json(list(verdicts[-1].reasons)), "statistics": table_head(rows, rows=30)}
    yield MaterializeResult(metadata=metadata)
    yield from check_results("drift_report", checks, WARNINGS)


def _frames(
    part: Slice, warehouse: Warehouse, registry: ModelRegistry, settings: Settings
) -> tuple[dict[Kind, pl.DataFrame], dict[date, date]]:
    """Read what the slice is compared on: telemetry, demand and forecasts back to the start of the references."""
    champions = LoadedChampions(part.cluster, warehouse, registry)
    trained = {day: champions.trained_until(day) for day in part.days}
    begin = min([*trained.values(), part.first]) - timedelta(days=settings.drift_reference_days)
    history = timedelta(days=settings.forecast.history_days)
    hours = warehouse.read(HOURS, part.cluster, begin - history, part.next_day)
    panel = panel_from_rollup(hours, midnight(begin) - history, part.end, HOUR)
    days = [begin + timedelta(days=n) for n in range((part.next_day - begin).days)]
    predictions = predicted_days(champions.of(part.last), panel, days, part.cluster, history)
    recent = hours.filter(pl.col("timestamp") >= midnight(begin))
    return drift_frames(recent, predictions), trained


def _check(name: str, kind: Kind, verdict: DriftVerdict) -> SliceCheck:
    """A kind that could not be judged passes with a description that says so: nothing was found."""
    decision = verdict.kinds[kind]
    day = Slice(verdict.cluster, verdict.date, verdict.date)
    facts = {
        "judged": str(decision.judged),
        "top_columns": ", ".join(decision.columns[:TOP]),
        "workloads": ", ".join(decision.workloads[:TOP]),
    }
    return SliceCheck(name, day, not decision.drifted, f"{verdict.date}: {decision.reason}", facts)
