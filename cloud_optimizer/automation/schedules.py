"""Schedules: the complete partition of yesterday, and what is missing of the last days."""

from collections.abc import Iterator
from datetime import date, timedelta

from dagster import (
    AssetKey,
    DefaultScheduleStatus,
    ResourceParam,
    RunRequest,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)

from cloud_optimizer.automation.jobs import complete_partition_job
from cloud_optimizer.core.clock import Clock
from cloud_optimizer.partitions import partition_key
from cloud_optimizer.resources.telemetry.catalog import RegisteredSource, SourceCatalog

LOOKBACK_DAYS = 7
MOST_REQUESTS = 20  # a tick; the next one goes on
LAST_ASSET = AssetKey("scaling_recommendations")

Requests = Iterator[RunRequest | SkipReason]


def covers(source: RegisteredSource, day: date) -> bool:
    """Tell whether a source has telemetry of a day: a recorded trace ends, and its days after that are not missing."""
    return source.first_sample.date() <= day < source.end_sample.date()


@schedule(
    cron_schedule="30 0 * * *",
    job=complete_partition_job,
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Every night: yesterday of every cluster whose telemetry reaches that far.",
)
def daily_partition(telemetry: ResourceParam[SourceCatalog], clock: ResourceParam[Clock]) -> Requests:
    """Request yesterday's partition of every cluster, once."""
    yesterday = (clock() - timedelta(days=1)).date()
    due = [entry.cluster for entry in telemetry.entries() if covers(entry, yesterday)]
    if not due:
        yield SkipReason(f"no cluster has telemetry of {yesterday}")
    for cluster in due:
        key = partition_key(cluster, yesterday)
        yield RunRequest(run_key=f"daily {key}", partition_key=key)


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
    """Request what the last days lack; the run key bounds the tries, so a partition that cannot succeed is let be."""
    now = clock()
    done = context.instance.get_materialized_partitions(LAST_ASSET)
    days = [(now - timedelta(days=back)).date() for back in range(LOOKBACK_DAYS, 0, -1)]
    keys = [partition_key(entry.cluster, day) for entry in telemetry.entries() for day in days if covers(entry, day)]
    missing = [key for key in keys if str(key) not in done][:MOST_REQUESTS]
    if not missing:
        yield SkipReason("nothing is missing")
    for key in missing:
        yield RunRequest(run_key=f"missing {key} {now:%Y-%m-%d} {now.hour // 8}", partition_key=key)
