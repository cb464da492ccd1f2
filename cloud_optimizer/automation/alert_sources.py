"""Where alerts are found: runs and checks in Dagster's history, telemetry and recommendations in the warehouse."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import polars as pl
from dagster import (
    AssetCheckKey,
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RunRecord,
    RunsFilter,
)
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
    WILL_RETRY_TAG,
)

from cloud_optimizer.assets.monitoring import CHECKS as DRIFT_CHECKS
from cloud_optimizer.assets.validation import BLOCKING
from cloud_optimizer.automation.check_history import FailedCheck, failed_checks
from cloud_optimizer.automation.jobs import retraining_job
from cloud_optimizer.automation.retraining_health import CLUSTER_TAG, retraining_states
from cloud_optimizer.core.alerts.alert import Alert
from cloud_optimizer.partitions import midnight
from cloud_optimizer.resources.telemetry.catalog import SourceCatalog
from cloud_optimizer.resources.telemetry.live import is_live
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.resources.warehouse.watch import accepted_samples, latest_trainings, recommendations_at_risk
from cloud_optimizer.run_errors import telling_error
from cloud_optimizer.settings import Settings

RUNS_READ = 200
WORKLOADS_NAMED = 5
CRITICAL = "critical"
CHECK_FAILED = "DagsterAssetCheckFailedError"  # the run ended because a blocking check failed, which is told by itself


def failed_runs(instance: DagsterInstance, since: datetime) -> Iterator[Alert]:
    """Yield the runs that failed and are not retried, with their error in words."""
    for record in _finished(instance, DagsterRunStatus.FAILURE, since):
        run = record.dagster_run
        name, words = _cause(instance, run.run_id)
        if run.tags.get(WILL_RETRY_TAG) == "true" or name == CHECK_FAILED:
            continue
        partition = _partition(run)
        facts = {"job": run.job_name, "partition": partition, "error": words}
        yield Alert("run_failed", f"{run.job_name} {partition}", facts, _ended(record), run.run_id, run.run_id)


def failed_drift_and_blocking_checks(instance: DagsterInstance, since: datetime) -> Iterator[Alert]:
    """Yield the failed evaluations of checks that stop a partition or that ask for a retraining."""
    blocking = [AssetCheckKey(AssetKey("workload_metrics"), name) for name, blocks in BLOCKING.items() if blocks]
    drift = [AssetCheckKey(AssetKey("drift_report"), name) for name in DRIFT_CHECKS]
    for kind, keys in (("blocking_check_failed", blocking), ("drift", drift)):
        for key in keys:
            yield from (_check_alert(kind, failure) for failure in failed_checks(instance, key) if failure.at >= since)


def retrainings(
    instance: DagsterInstance, warehouse: Warehouse, settings: Settings, since: datetime
) -> Iterator[Alert]:
    """Yield how retrainings ended: what was promoted or kept and why, and the clusters that are given up."""
    chosen = {row["cluster"]: row for row in latest_trainings(warehouse).to_dicts()}
    for record in _finished(instance, DagsterRunStatus.SUCCESS, since, retraining_job.name):
        run = record.dagster_run
        choice = chosen.get(run.tags.get(CLUSTER_TAG, ""))
        if choice is not None and run.tags.get(PARTITION_NAME_TAG, "").endswith(str(choice["date"])):
            outcome = "a new champion" if choice["promoted"] else "the champion stays"
            facts = {"cluster": choice["cluster"], "outcome": outcome, "date": str(choice["date"])}
            facts["reason"] = choice["reason"] or ""
            subject = f"{choice['cluster']} {choice['date']}"
            yield Alert("retraining_finished", subject, facts, _ended(record), run.run_id, run.run_id)
    for cluster, state in retraining_states(instance, instance.get_dynamic_partitions("cluster")).items():
        if state.failures >= settings.retraining.maximum_failures and state.last_requested is not None:
            facts = {"cluster": cluster, "failures": str(state.failures)}
            yield Alert("retraining_given_up", cluster, facts, state.last_requested)


def stale_clusters(
    telemetry: SourceCatalog, warehouse: Warehouse, stale_after: timedelta, now: datetime
) -> Iterator[Alert]:
    """Yield the live clusters whose newest day with accepted samples ended too long ago."""
    accepted = accepted_samples(warehouse).filter(pl.col("samples") > 0, pl.col("date") < now.date())
    newest = dict(accepted.group_by("cluster").agg(pl.col("date").max()).iter_rows())
    for entry in telemetry.entries():
        day = newest.get(entry.cluster)
        end = entry.first_sample if day is None else midnight(day + timedelta(days=1))
        if is_live(entry) and now - end > stale_after:
            yield Alert("stale_data", entry.cluster, {"cluster": entry.cluster, "newest": str(day or "not known")}, now)


def critical_recommendations(warehouse: Warehouse, since: datetime) -> Iterator[Alert]:
    """Yield one alert for each cluster and day whose new recommendations hold critical risks, the worst ones named."""
    for (cluster, date), rows in recommendations_at_risk(warehouse, CRITICAL, since).group_by(
        "cluster", "date", maintain_order=True
    ):
        names = [f"{row['workload_id']} ({row['shortage_share'] or 0:.0%} of the time)" for row in rows.to_dicts()]
        more = [f"and {rows.height - WORKLOADS_NAMED} more"] if rows.height > WORKLOADS_NAMED else []
        facts = {"cluster": str(cluster), "date": str(date), "count": str(rows.height)}
        facts["workloads"] = ", ".join([*names[:WORKLOADS_NAMED], *more])
        subject = f"{cluster} {date}"  # a day is decided on again every six hours, and told once
        yield Alert("critical_risk", subject, facts, rows["created_at"].max(), f"critical {subject}")


def _finished(
    instance: DagsterInstance, status: DagsterRunStatus, since: datetime, job: str | None = None
) -> list[RunRecord]:
    filters = RunsFilter(statuses=[status], updated_after=since, job_name=job)
    return list(instance.get_run_records(filters, limit=RUNS_READ, order_by="update_timestamp"))


def _check_alert(kind: str, failure: FailedCheck) -> Alert:
    facts = {
        "check": failure.check,
        "cluster": failure.cluster,
        "partition": failure.partition,
        "description": failure.description.rstrip("."),
    }
    event = f"{failure.check}:{failure.record_id}:{failure.cluster}"
    return Alert(kind, f"{failure.cluster} {failure.check}", facts, failure.at, event, failure.run_id or None)


def _ended(record: RunRecord) -> datetime:
    return datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp.astimezone(UTC)


def _partition(run: DagsterRun) -> str:
    if PARTITION_NAME_TAG in run.tags:
        return run.tags[PARTITION_NAME_TAG]
    ends = [run.tags.get(tag) for tag in (ASSET_PARTITION_RANGE_START_TAG, ASSET_PARTITION_RANGE_END_TAG)]
    return " to ".join(end for end in ends if end) or "no partition"


def _cause(instance: DagsterInstance, run_id: str) -> tuple[str, str]:
    """Return the class and the words of the error that tells most of a run, and the step it failed in."""
    kinds = {DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE}
    for record in instance.get_records_for_run(run_id, of_type=kinds).records:
        event = record.event_log_entry.dagster_event
        data = event.event_specific_data if event else None
        error = getattr(data, "error", None)
        if event is None or error is None:
            continue
        error = telling_error(error)
        step = f"{event.step_key}: " if event.step_key else ""
        return error.cls_name or "", f"{step}{error.message.strip()}"
    return "", "The run ended without an error of its own: its worker was lost."
