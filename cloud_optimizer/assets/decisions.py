"""Decisions: recommendations, the replay of policies that they can be compared with, and what it all costs."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import polars as pl
from dagster import AssetExecutionContext, MaterializeResult, MetadataValue, ResourceParam, asset

from cloud_optimizer.assets.graph import partitioned
from cloud_optimizer.assets.patience import waits_for_services
from cloud_optimizer.assets.tables import (
    HEAD_ROWS,
    rows_by_day,
    sums_of_money,
    table_head,
    table_schema,
    tell_of_slice,
)
from cloud_optimizer.core.clock import Clock
from cloud_optimizer.core.costs.ledger import REALISED_DAY_SCHEMA, realised_by_day
from cloud_optimizer.core.costs.report import COST_REPORT_SCHEMA, cost_report, distinct_savings
from cloud_optimizer.core.drift.verdict_rows import distrusts_model
from cloud_optimizer.core.forecasting.selection import models_of
from cloud_optimizer.core.recommendations.inputs import DECLARED_PREFERENCES, RecommendationInputs, Trust
from cloud_optimizer.core.recommendations.recommend import recommend
from cloud_optimizer.core.recommendations.summary import top_savings
from cloud_optimizer.core.records import RECOMMENDATION_SCHEMA
from cloud_optimizer.core.replay.cluster import replay_cluster
from cloud_optimizer.core.rollup import panel_from_rollup, roll_up
from cloud_optimizer.partitions import Slice, midnight, slices_of
from cloud_optimizer.resources.telemetry.catalog import SourceCatalog
from cloud_optimizer.resources.warehouse import (
    CLEAN_SAMPLES,
    DRIFT,
    FORECASTS,
    HOURS,
    REALISED_SAVINGS,
    RECOMMENDATIONS,
    Warehouse,
)
from cloud_optimizer.resources.warehouse.dimensions import prices_at, read_workloads
from cloud_optimizer.resources.warehouse.life_cycle import read_ledger
from cloud_optimizer.resources.warehouse.reports import COST_REPORTS, POLICY_REPLAYS
from cloud_optimizer.settings import Settings

LOOKBACK = timedelta(days=90)  # the longest a preference may ask for


@asset(
    **partitioned("decisions", {"postgres"}),
    deps=["demand_forecast", "workload_metrics", "drift_report"],
    metadata={"dagster/column_schema": table_schema(RECOMMENDATION_SCHEMA)},
    description="For every workload: the capacity to give it, the money that saves and the risk of running short.",
)
@waits_for_services
def scaling_recommendations(
    context: AssetExecutionContext,
    warehouse: ResourceParam[Warehouse],
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> MaterializeResult:
    """Recommend as of the end of every day, from the forecast made then and the history before it."""
    for part in slices_of(context):
        inputs = _recommendation_inputs(part, warehouse, settings, context.run.run_id, clock())
        frame = pl.concat(recommend(one, settings.recommendation) for one in inputs)
        warehouse.replace(part.cluster, part.first, part.next_day, {RECOMMENDATIONS: frame})
        rows_by_day(context, part, frame["date"])
        facts = headlines(frame.filter(pl.col("date") == part.last))
        context.add_asset_metadata(facts, partition_key=part.key(part.last))
    return MaterializeResult()


def headlines(recommendations: pl.DataFrame) -> dict[str, object]:
    """Return what a person wants to know of a day's recommendations first, as metadata."""
    best = top_savings(recommendations, HEAD_ROWS)
    return {
        "recommendations": recommendations.height,
        **sums_of_money(distinct_savings(recommendations), "monthly_saving"),
        "findings": MetadataValue.json(dict(recommendations["finding"].value_counts().iter_rows())),
        "top_savings": table_head(best, best.height),
    }


def _recommendation_inputs(
    part: Slice, warehouse: Warehouse, settings: Settings, run_id: str, now: datetime
) -> Iterator[RecommendationInputs]:
    """Read the slice once and hand out one set of inputs a day."""
    first, end = part.first, part.next_day
    hours = warehouse.read(HOURS, part.cluster, first - LOOKBACK, end)
    forecasts = warehouse.read(FORECASTS, part.cluster, first, end)
    drift = warehouse.read(DRIFT, part.cluster, first, end)
    ledger = read_ledger(warehouse, part.cluster, part.end)
    for day in part.days:
        origin = midnight(day + timedelta(days=1))
        forecast = forecasts.filter(pl.col("origin") == origin)
        history = hours.filter(pl.col("timestamp").is_between(origin - LOOKBACK, origin, closed="left"))
        ids = history["workload_id"].unique().sort()
        yield RecommendationInputs(
            cluster=part.cluster,
            date=day,
            created_at=now,
            history=history,
            forecast=forecast,
            prices=prices_at(warehouse, part.cluster, ids, origin, settings.recommendation.prices),
            preferences=_preferences(read_workloads(warehouse, part.cluster, origin), ledger, origin),
            trust=Trust(drift_failed=distrusts_model(drift.filter(pl.col("date") == day))),
            model_version=models_of(forecast),
            run_id=run_id,
        )


def _preferences(known: pl.DataFrame, ledger: pl.DataFrame, origin: datetime) -> pl.DataFrame:
    """Return what was declared of each workload, and when a recommendation was last applied to it."""
    undone = pl.when(pl.col("reverted_at") < origin).then("reverted_at")  # what is undone later is not known yet
    changes = ledger.filter(pl.col("applied_at") < origin).with_columns(undone).group_by("workload_id")
    last_changed = changes.agg(last_changed_at=pl.max_horizontal("applied_at", "reverted_at").max())
    declared = known.select("workload_id", *DECLARED_PREFERENCES)
    return declared.join(last_changed, on="workload_id", how="full", coalesce=True)


@asset(
    **partitioned("decisions", {"postgres"}),
    deps=["workload_metrics"],
    metadata={"dagster/column_schema": table_schema(REALISED_DAY_SCHEMA)},
    description="What applied recommendations saved on each day, from the capacity that telemetry shows, beside what "
    "they had promised.",
)
@waits_for_services
def realised_savings(context: AssetExecutionContext, warehouse: ResourceParam[Warehouse]) -> MaterializeResult:
    """Measure every day against the ledger of what was applied before its end."""
    for part in slices_of(context):
        hours = warehouse.read(HOURS, part.cluster, part.first, part.next_day)
        ledger = read_ledger(warehouse, part.cluster, part.end)  # last: an entry that is recorded meanwhile counts
        days = realised_by_day(ledger, hours)
        warehouse.replace(part.cluster, part.first, part.next_day, {REALISED_SAVINGS: days})
        rows_by_day(context, part, days["date"])
        facts = {**sums_of_money(days, "predicted_saving", "realised_saving"), "head": table_head(days)}
        tell_of_slice(context, part, facts)
    return MaterializeResult()


@asset(
    **partitioned("decisions", {"numpy"}),
    deps=["workload_metrics"],
    metadata={"dagster/column_schema": table_schema(POLICY_REPLAYS.schema)},
    description="The cluster's own history replayed under every sizing policy: VPA, KRR, static, oracle, and ours.",
)
@waits_for_services
def policy_replay(
    context: AssetExecutionContext,
    warehouse: ResourceParam[Warehouse],
    telemetry: ResourceParam[SourceCatalog],
    settings: ResourceParam[Settings],
) -> MaterializeResult:
    """Replay the days before the end of each slice; earlier days of the slice are left to runs of their own."""
    for part in slices_of(context):
        step = telemetry.entry(part.cluster).cadence.step
        start = part.end - timedelta(days=settings.replay_days)
        clean = warehouse.read(CLEAN_SAMPLES, part.cluster, start.date(), part.next_day)
        panel = panel_from_rollup(roll_up(clean, step, step), start, part.end, step)
        frame, notes = replay_cluster(panel, part.cluster, part.last)
        for note in notes:
            context.log.warning(note)
        warehouse.replace(part.cluster, part.last, part.next_day, {POLICY_REPLAYS: frame})
        values = frame.select(pl.exclude("^.*_(lower|upper)$"))
        facts = {"policies": frame["policy"].n_unique(), "replay": table_head(values, rows=60)}
        context.add_asset_metadata(facts, partition_key=part.key(part.last))
    return MaterializeResult()


@asset(
    **partitioned("decisions", {"postgres"}),
    name="cost_report",
    deps=[scaling_recommendations],
    metadata={"dagster/column_schema": table_schema(COST_REPORT_SCHEMA)},
    description="Cost before and after the recommendations, return on the work, by owner and for the cluster.",
)
@waits_for_services
def cost_report_asset(
    context: AssetExecutionContext, warehouse: ResourceParam[Warehouse], settings: ResourceParam[Settings]
) -> MaterializeResult:
    """Add up the recommendations of every day."""
    for part in slices_of(context):
        records = warehouse.read(RECOMMENDATIONS, part.cluster, part.first, part.next_day)
        days = records.partition_by("date", maintain_order=True)
        frame = pl.concat([COST_REPORT_SCHEMA.to_frame(), *(cost_report(d, None, settings.cost_report) for d in days)])
        warehouse.replace(part.cluster, part.first, part.next_day, {COST_REPORTS: frame})
        rows_by_day(context, part, frame["date"])
        newest = frame.filter(pl.col("date") == part.last)
        facts = {"rows": newest.height, "report": table_head(newest)}
        context.add_asset_metadata(facts, partition_key=part.key(part.last))
    return MaterializeResult()
