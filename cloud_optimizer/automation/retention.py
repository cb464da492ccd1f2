"""Housekeeping of the warehouse once a week: old partitions leave, recommendations whose time has passed expire."""

from dagster import (
    DefaultScheduleStatus,
    OpExecutionContext,
    Output,
    ResourceParam,
    RunRequest,
    ScheduleEvaluationContext,
    in_process_executor,
    job,
    op,
    schedule,
)

from cloud_optimizer.core.clock import Clock
from cloud_optimizer.core.retention import first_days_kept
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.resources.warehouse.life_cycle import expire_recommendations
from cloud_optimizer.resources.warehouse.retention import drop_before
from cloud_optimizer.settings import Settings

LONGEST_LOOKBACK_DAYS = 90  # of recommendations; a person's preference may ask for all of it


@op(pool="database", description="Drops what retention no longer keeps, oldest first; each partition whole or not.")
def drop_old_partitions(
    context: OpExecutionContext,
    warehouse: ResourceParam[Warehouse],
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> Output[int]:
    """Export and drop the partitions of every table that ended before the first day kept."""
    needed = max(LONGEST_LOOKBACK_DAYS, settings.training.history_days, settings.replay_days)
    kept = first_days_kept(settings.retention, clock().date(), needed + settings.drift_reference_days)
    archive = settings.home / "archive" if settings.retention.archive else None
    dropped = 0
    for table, day in kept.items():
        for partition in drop_before(warehouse, day, [table], archive):
            context.log.info(f"{table} of {partition.first_day} left; its rows are in {partition.file or 'no file'}")
            dropped += 1
    if not kept:
        context.log.info("Everything is kept: retention.sample_days and retention.result_days are not set.")
    return Output(dropped, metadata={"dropped_partitions": dropped, **{t: d.isoformat() for t, d in kept.items()}})


@op(
    name="expire_recommendations",
    pool="database",
    description="Expires open recommendations whose validity has passed.",
)
def expire_open(warehouse: ResourceParam[Warehouse], clock: ResourceParam[Clock]) -> Output[int]:
    """Expire them with an entry in the audit."""
    expired = expire_recommendations(warehouse, clock())
    return Output(expired, metadata={"expired_recommendations": expired})


@job(
    executor_def=in_process_executor,
    description="Drop telemetry and results older than the settings keep, and expire old recommendations.",
)
def retention_job() -> None:
    """Both steps; neither needs the other."""
    drop_old_partitions()
    expire_open()


@schedule(
    cron_schedule="0 2 * * 0",
    job=retention_job,
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Every Sunday: old partitions leave, where the settings say so, and old recommendations expire.",
)
def weekly_retention(context: ScheduleEvaluationContext) -> RunRequest:
    """Request one run for each scheduled time."""
    return RunRequest(run_key=f"retention {context.scheduled_execution_time:%Y-%m-%d}")
