"""Schedules of the graph: the newest partitions, yesterday completely, what is missing of the last days, and tuning.

A cluster without a champion is left to the sensors: its telemetry is ingested by automation.new_clusters, and its first
training is requested by automation.sensors.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from dagster import (
    AssetKey,
    DagsterInstance,
    DefaultScheduleStatus,
    MultiPartitionKey,
    ResourceParam,
    RunRequest,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)

from cloud_optimizer.automation.jobs import complete_partition_job, recommendation_job, tuning_job
from cloud_optimizer.automation.tries import HOURS_A_TRY, new_tries
from cloud_optimizer.core.clock import Clock
from cloud_optimizer.partitions import partition_key, slices
from cloud_optimizer.resources.telemetry.catalog import RegisteredSource, SourceCatalog

LOOKBACK_DAYS = 7
MOST_REQUESTS = 20  # a tick; the next one goes on
LAST_ASSET = AssetKey("scaling_recommendations")
CHAMPION = AssetKey("champion_model")

Requests = Iterator[RunRequest | SkipReason]


def covers(source: RegisteredSource, day: date) -> bool:
    """Tell whether a source has telemetry of a day: a recorded trace ends, and its days after that are not missing."""
    return source.first_sample.date() <= day < source.end_sample.date()


def first_champions(instance: DagsterInstance) -> Mapping[str, date]:
    """Return the first day of each cluster that has a champion: earlier ones cannot be forecast."""
    first: dict[str, date] = {}
    for part in slices(instance.get_materialized_partitions(CHAMPION)):
        first[part.cluster] = min(part.first, first.get(part.cluster, part.first))
    return first


def clusters_with_champion(instance: DagsterInstance, telemetry: SourceCatalog, day: date) -> list[str]:
    """Return the clusters that have a champion and telemetry of a day."""
    champions = first_champions(instance)
    return [entry.cluster for entry in telemetry.entries() if covers(entry, day) and entry.cluster in champions]


@schedule(
    cron_schedule="0 3,9,15,21 * * *",
    job=recommendation_job,
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Every six hours: the newest day of every cluster again, from telemetry to recommendations, so that "
    "samples which arrived late are decided on.",
)
def newest_partitions(
    context: ScheduleEvaluationContext, telemetry: ResourceParam[SourceCatalog], clock: ResourceParam[Clock]
) -> Requests:
    """Request the newest complete day of each cluster whose telemetry goes on."""
    now = clock()
    recent = [(now - timedelta(days=back)).date() for back in range(1, LOOKBACK_DAYS + 1)]
    champions = first_champions(context.instance)
    newest = {
        entry.cluster: next((day for day in recent if covers(entry, day)), None)
        for entry in telemetry.entries()
        if entry.cluster in champions
    }
    due = {cluster: day for cluster, day in newest.items() if day is not None and day >= champions[cluster]}
    if not due:
        yield SkipReason(f"no cluster with a champion has telemetry of the last {LOOKBACK_DAYS} days")
    for cluster, day in due.items():
        key = partition_key(cluster, day)
        yield RunRequest(run_key=f"newest {key} {context.scheduled_execution_time:%Y-%m-%d %H}", partition_key=key)


@schedule(
    cron_schedule="30 0 * * *",
    job=complete_partition_job,
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Every night: yesterday of every cluster whose telemetry reaches that far.",
)
def daily_partition(
    context: ScheduleEvaluationContext, telemetry: ResourceParam[SourceCatalog], clock: ResourceParam[Clock]
) -> Requests:
    """Request yesterday's partition of every cluster, once."""
    yield from _yesterday_of_every_cluster("daily", context.instance, telemetry, clock())


@schedule(
    cron_schedule="15 * * * *",
    job=complete_partition_job,
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
    description=f"Every hour: partitions of the last {LOOKBACK_DAYS} days without recommendations, three tries a day.",
)
def missing_partitions(
    context: ScheduleEvaluationContext, telemetry: ResourceParam[SourceCatalog], clock: ResourceParam[Clock]
) -> Requests:
    """Request what the last days lack, each a bounded number of times: a partition that cannot succeed is let be."""
    now = clock()
    done = context.instance.get_materialized_partitions(LAST_ASSET)
    champions = first_champions(context.instance)
    days = [(now - timedelta(days=back)).date() for back in range(LOOKBACK_DAYS, 0, -1)]
    keys = [
        partition_key(entry.cluster, day)
        for entry in telemetry.entries()
        for day in days
        if covers(entry, day) and day >= champions.get(entry.cluster, date.max)
    ]
    missing = [key for key in keys if str(key) not in done]
    if not missing:
        yield SkipReason("nothing is missing")
        return
    requests = [
        RunRequest(run_key=f"missing {key} {now:%Y-%m-%d} {now.hour // HOURS_A_TRY}", partition_key=key)
        for key in turn_of(missing, now)
    ]
    yield from new_tries(context.instance, requests)


def turn_of(missing: Sequence[MultiPartitionKey], now: datetime) -> Sequence[MultiPartitionKey]:
    """Return those that this hour may request: hours take turns, so that what cannot succeed starves nothing else."""
    if len(missing) <= MOST_REQUESTS:
        return missing
    start = int(now.timestamp() // 3600) * MOST_REQUESTS % len(missing)
    return [*missing[start:], *missing[:start]][:MOST_REQUESTS]


@schedule(
    cron_schedule="0 4 * * 6",
    job=tuning_job,
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Every Saturday: search hyper-parameters of every cluster that has a champion, as of yesterday.",
)
def weekly_tuning(
    context: ScheduleEvaluationContext, telemetry: ResourceParam[SourceCatalog], clock: ResourceParam[Clock]
) -> Requests:
    """Request one tuning a cluster and week; a cluster whose telemetry ended is tuned no more."""
    yield from _yesterday_of_every_cluster("tuning", context.instance, telemetry, clock())


def _yesterday_of_every_cluster(
    name: str, instance: DagsterInstance, telemetry: SourceCatalog, now: datetime
) -> Requests:
    yesterday = (now - timedelta(days=1)).date()
    due = clusters_with_champion(instance, telemetry, yesterday)
    if not due:
        yield SkipReason(f"no cluster with a champion has telemetry of {yesterday}")
    for cluster in due:
        key = partition_key(cluster, yesterday)
        yield RunRequest(run_key=f"{name} {key}", partition_key=key)
