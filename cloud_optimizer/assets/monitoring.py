"""Monitoring: was yesterday's forecast right, and is today still like what the champion learned from?"""

from collections.abc import Iterator, Mapping
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
from cloud_optimizer.assets.patience import waits_for_services
from cloud_optimizer.assets.tables import rows_by_day, table_head, table_schema, tell_of_slice
from cloud_optimizer.core.accuracy import forecast_accuracy
from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.drift import DriftVerdict, Kind
from cloud_optimizer.core.drift.days import drift_frames, judge_days
from cloud_optimizer.core.drift.performance import performance_verdict
from cloud_optimizer.core.drift.predictions import predicted_days
from cloud_optimizer.core.drift.verdict_rows import recorded
from cloud_optimizer.core.records import ACCURACY_SCHEMA, DRIFT_SCHEMA
from cloud_optimizer.core.rollup import panel_from_rollup
from cloud_optimizer.partitions import PREVIOUS_DAY, Slice, midnight, slices_of
from cloud_optimizer.resources.drift_reports import DriftReports
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
@waits_for_services
def forecast_accuracy_asset(
    context: AssetExecutionContext, warehouse: ResourceParam[Warehouse], settings: ResourceParam[Settings]
) -> MaterializeResult:
    """Score every day of the slices that was forecast."""
    for part in slices_of(context):
        begin = part.start - timedelta(days=settings.forecast.history_days)
        hours = warehouse.read(HOURS, part.cluster, begin.date(), part.next_day)
        forecasts = warehouse.read(FORECASTS, part.cluster, part.first - timedelta(days=1), part.last)
        actuals = hours.filter(pl.col("timestamp") >= part.start)
        frame = forecast_accuracy(forecasts, actuals, panel_from_rollup(hours, begin, part.end, HOUR))
        warehouse.replace(part.cluster, part.first, part.next_day, {ACCURACY: frame})
        rows_by_day(context, part, frame["date"])
        facts = {"scored_days": frame["date"].n_unique(), "accuracy": table_head(frame, rows=40)}
        tell_of_slice(context, part, facts)
    return MaterializeResult()


KIND_CHECKS: dict[str, Kind] = {"data_drift": "data", "prediction_drift": "prediction", "target_drift": "target"}
CHECKS = {
    "data_drift": "The telemetry of the day looks like that of the champion's training window.",
    "prediction_drift": "The champion forecasts for the day what it forecast for the days it learned from.",
    "target_drift": "Demand of the day looks like demand in the champion's training window.",
    "performance_degradation": "The forecast of the day was about as good as the champion promised when it was chosen.",
}
WARNINGS = dict.fromkeys(CHECKS, False)
TOP = 10
MONDAY = 0


@asset(
    **partitioned("monitoring", {"postgres", "evidently"}, MODEL_OWNERS),
    deps=["champion_model", "workload_metrics", forecast_accuracy_asset],
    check_specs=check_specs("drift_report", WARNINGS, CHECKS),
    metadata={"dagster/column_schema": table_schema(DRIFT_SCHEMA)},
    description="Is the day still like what the champion learned from? Statistics with thresholds, and a verdict.",
)
@waits_for_services
def drift_report(
    context: AssetExecutionContext,
    warehouse: ResourceParam[Warehouse],
    model_registry: ResourceParam[ModelRegistry],
    drift_reports: ResourceParam[DriftReports],
    settings: ResourceParam[Settings],
) -> Iterator[MaterializeResult | AssetCheckResult]:
    """Compare every day with the champion's training window, keep the numbers, render what drifted and the newest."""
    checks: list[SliceCheck] = []
    for part in slices_of(context):
        champions = LoadedChampions(part.cluster, warehouse, model_registry)
        recorded_rows = []
        for spell in champions.spells(part):
            trained_until = champions.trained_until(spell.last)
            frames = _frames(spell, trained_until, champions, warehouse, settings)
            verdicts = judge_days(
                spell.cluster, spell.days, trained_until, frames, settings.drift_reference_days, settings.drift
            )
            recorded_rows += [recorded(verdict) for verdict in verdicts]
            checks += [_check(name, kind, verdict) for verdict in verdicts for name, kind in KIND_CHECKS.items()]
            checks += [_performance_check(spell, day, warehouse, settings) for day in spell.days]
            for verdict in verdicts:
                if verdict.drifted or verdict.date == part.last:
                    links = _render(verdict, trained_until, frames, drift_reports, settings)
                    context.add_asset_metadata(links, partition_key=part.key(verdict.date))
        rows = pl.concat(recorded_rows)
        warehouse.replace(part.cluster, part.first, part.next_day, {DRIFT: rows})
        tell_of_slice(context, part, {"statistics": table_head(rows, 30)})
    yield MaterializeResult()
    yield from check_results("drift_report", checks, WARNINGS)


def _frames(
    spell: Slice, trained_until: date, champions: LoadedChampions, warehouse: Warehouse, settings: Settings
) -> dict[Kind, pl.DataFrame]:
    """Read what the days are compared on: telemetry, demand and forecasts back to the start of the reference."""
    begin = min(trained_until, spell.first) - timedelta(days=settings.drift_reference_days)
    history = timedelta(days=settings.forecast.history_days)
    hours = warehouse.read(HOURS, spell.cluster, begin - history, spell.next_day)
    panel = panel_from_rollup(hours, midnight(begin) - history, spell.end, HOUR)
    days = [begin + timedelta(days=n) for n in range((spell.next_day - begin).days)]
    predictions = predicted_days(champions.of(spell.last), panel, days, spell.cluster, history)
    return drift_frames(hours.filter(pl.col("timestamp") >= midnight(begin)), predictions)


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


def _performance_check(part: Slice, day: date, warehouse: Warehouse, settings: Settings) -> SliceCheck:
    """The forecast of a day was made by the champions of the day before."""
    following = day + timedelta(days=1)
    accuracy = warehouse.read(ACCURACY, part.cluster, day, following)
    champions = warehouse.champion_as_of(part.cluster, day - timedelta(days=1))
    verdict = performance_verdict(part.cluster, day, accuracy, champions, settings.performance)
    words = "; ".join(verdict.reasons) or "as promised, or nothing to compare"
    facts = {f"{name}_wape": found.wape for name, found in verdict.resources.items() if found.wape is not None}
    return SliceCheck(
        "performance_degradation", Slice(part.cluster, day, day), not verdict.degraded, f"{day}: {words}", facts
    )


def _render(
    verdict: DriftVerdict,
    learned_until: date,
    frames: Mapping[Kind, pl.DataFrame],
    reports: DriftReports,
    settings: Settings,
) -> dict[str, MetadataValue]:
    """Render each kind of a day: the numbers always, the page when it drifted and on Mondays."""
    last = min(learned_until, verdict.date - timedelta(days=1))
    first = last - timedelta(days=settings.drift_reference_days - 1)
    when = pl.col("timestamp").dt.date()
    links: dict[str, MetadataValue] = {"reasons": MetadataValue.json(list(verdict.reasons))}
    for kind, frame in frames.items():
        page = verdict.kinds[kind].drifted or verdict.date.weekday() == MONDAY
        files = reports.render(
            verdict.cluster,
            verdict.date,
            kind,
            frame.filter(when.is_between(first, last)),
            frame.filter(when == verdict.date),
            worst=verdict.worst_columns(kind),
            html=page,
        )
        if files is not None:
            links[f"{kind}_report"] = MetadataValue.path(str(files.html or files.json))
    return links
