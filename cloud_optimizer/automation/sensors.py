"""Sensors: a failed drift check leads to one retraining of its cluster, bounded by cool-down and failures.

A sensor gathers what the pure decision of core.retraining needs and turns its verdict into a run request. It reads
the history of evaluations rather than an automation condition: a condition fires once and is silent while drift lasts.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC

from dagster import (
    AssetCheckKey,
    AssetKey,
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    ResourceParam,
    RunRequest,
    RunsFilter,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from cloud_optimizer.assets.monitoring import CHECKS as DRIFT_CHECKS
from cloud_optimizer.automation.check_history import FailedCheck, failed_checks
from cloud_optimizer.automation.jobs import retraining_job
from cloud_optimizer.core.clock import Clock
from cloud_optimizer.core.retraining import Cause, RetrainingState, RetrainingVerdict, retraining_decision
from cloud_optimizer.settings import Settings

CLUSTER_TAG = "cloud_optimizer/retraining"
CAUSE_TAG = "cloud_optimizer/cause"
REASON_TAG = "cloud_optimizer/reason"
RUNS_LOOKED_AT = 10
IN_FLIGHT = {
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
}
SEEN_LIMIT = 2000  # more than the history that is read, so that an identity is never forgotten too early


@sensor(
    job=retraining_job,
    minimum_interval_seconds=30,
    default_status=DefaultSensorStatus.RUNNING,
    description="Requests one retraining of a cluster when a drift check failed, never two at once.",
)
def retraining_on_failed_check(
    context: SensorEvaluationContext, settings: ResourceParam[Settings], clock: ResourceParam[Clock]
) -> SensorResult:
    """Decide on the failed checks that were not settled yet."""
    seen = list(json.loads(context.cursor)) if context.cursor else []
    requests, words = [], []
    for cluster, causes in _open_causes(context.instance, frozenset(seen)).items():
        verdict = retraining_decision(causes, retraining_state(context.instance, cluster), settings.retraining, clock())
        seen += sorted(verdict.settled)
        words.append(f"{cluster}: {'; '.join(verdict.reasons)}")
        if verdict.retrain:
            requests.append(_request(cluster, verdict))
    skip = None if requests else SkipReason(" | ".join(words) or "no drift check failed since the last look")
    return SensorResult(run_requests=requests, skip_reason=skip, cursor=json.dumps(seen[-SEEN_LIMIT:]))


def retraining_state(instance: DagsterInstance, cluster: str) -> RetrainingState:
    """Read how the retrainings of a cluster stand, from the runs that carry its tag."""
    records = instance.get_run_records(RunsFilter(tags={CLUSTER_TAG: cluster}), limit=RUNS_LOOKED_AT)
    statuses = [record.dagster_run.status for record in records]
    finished = [status for status in statuses if status not in IN_FLIGHT]
    failures = next((i for i, status in enumerate(finished) if status == DagsterRunStatus.SUCCESS), len(finished))
    requested = records[0].create_timestamp.astimezone(UTC) if records else None
    return RetrainingState(any(status in IN_FLIGHT for status in statuses), requested, failures)


def _open_causes(instance: DagsterInstance, seen: frozenset[str]) -> Mapping[str, Sequence[Cause]]:
    causes: dict[str, list[Cause]] = defaultdict(list)
    for check in DRIFT_CHECKS:
        for failure in failed_checks(instance, AssetCheckKey(AssetKey("drift_report"), check)):
            if identity(failure) not in seen:
                words = f"{failure.check} failed for {failure.partition}"
                causes[failure.cluster].append(Cause(identity(failure), failure.at, failure.partition, words))
    return causes


def identity(failure: FailedCheck) -> str:
    """Return what tells one failed evaluation from every other: the check and the id of its record."""
    return f"{failure.check}:{failure.record_id}"


def _request(cluster: str, verdict: RetrainingVerdict) -> RunRequest:
    assert verdict.cause is not None
    return RunRequest(
        run_key=f"retraining {cluster} {verdict.cause.identity}",
        partition_key=verdict.cause.partition,
        tags={
            CLUSTER_TAG: cluster,
            CAUSE_TAG: verdict.cause.identity,
            REASON_TAG: "; ".join(verdict.reasons)[:500],
        },
    )
