"""Savings measured again where people tell later of what they did: an application or a rollback in the past."""

from collections.abc import Iterator
from datetime import datetime

from dagster import (
    DefaultScheduleStatus,
    ResourceParam,
    RunRequest,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from cloud_optimizer.automation.jobs import savings_job
from cloud_optimizer.automation.tries import HOURS_A_TRY, new_tries
from cloud_optimizer.core.clock import Clock
from cloud_optimizer.partitions import Slice, partition_key, slices
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.resources.warehouse.watch import outdated_savings
from cloud_optimizer.settings import Settings


@schedule(
    cron_schedule="45 * * * *",
    job=savings_job,
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Every hour: days whose savings were measured before an application or a rollback of that time was "
    "recorded, three tries a day.",
)
def restated_savings(
    context: ScheduleEvaluationContext,
    warehouse: ResourceParam[Warehouse],
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> Iterator[RunRequest | SkipReason]:
    """Request the outdated days of each cluster, days that follow each other in as few runs as a backfill takes."""
    days = outdated_savings(warehouse)
    if days.is_empty():
        yield SkipReason("every measured day knows all that was applied and taken back")
        return
    requests = [
        _request(piece, own["recorded_at"].max(), clock())
        for (cluster,), own in days.group_by("cluster", maintain_order=True)
        for part in slices(partition_key(str(cluster), day) for day in own["date"])
        for piece in part.pieces(settings.backfill_days)
    ]
    yield from new_tries(context.instance, requests)


def _request(part: Slice, told: object, now: datetime) -> RunRequest:
    """One run for all days; what is told later asks anew, however often they were tried."""
    first, last = str(part.key(part.first)), str(part.key(part.last))
    return RunRequest(
        run_key=f"savings {first} {last} {told} {now:%Y-%m-%d} {now.hour // HOURS_A_TRY}",
        tags={ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last},
    )
