"""A standing check beside the champion: the clusters whose retraining keeps failing."""

from collections.abc import Mapping, Sequence
from datetime import UTC

from dagster import (
    AssetCheckEvaluation,
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSeverity,
    DagsterInstance,
    DagsterRunStatus,
    ResourceParam,
    RunRecord,
    RunsFilter,
    asset_check,
)
from dagster._core.storage.dagster_run import TagBucket
from dagster._core.storage.tags import WILL_RETRY_TAG, get_multidimensional_partition_tag

from cloud_optimizer.assets.champion import champion_model
from cloud_optimizer.automation.check_history import last_words
from cloud_optimizer.automation.jobs import retraining_job
from cloud_optimizer.core.retraining import RetrainingState
from cloud_optimizer.settings import Settings

CLUSTER_TAG = get_multidimensional_partition_tag("cluster")  # on every run of a partition, also one started by hand
RUNS_LOOKED_AT = 20  # more than the failures in a row after which automation gives up at most
IN_FLIGHT = {
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
}
HEALTH_CHECK = "retraining_succeeds"
HEALTH_KEY = AssetCheckKey(champion_model.key, HEALTH_CHECK)


def retraining_state(instance: DagsterInstance, cluster: str) -> RetrainingState:
    """Read how the retrainings of a cluster stand, from runs of the retraining job, whoever started them."""
    return retraining_states(instance, [cluster])[cluster]


def retraining_states(instance: DagsterInstance, clusters: Sequence[str]) -> Mapping[str, RetrainingState]:
    """Read the same of several clusters by one query."""
    found: dict[str, list[RunRecord]] = {cluster: [] for cluster in clusters}
    if clusters:
        filters = RunsFilter(job_name=retraining_job.name, tags={CLUSTER_TAG: list(clusters)})
        latest = TagBucket(CLUSTER_TAG, list(clusters), RUNS_LOOKED_AT)
        for record in instance.get_run_records(filters, bucket_by=latest):
            found[record.dagster_run.tags[CLUSTER_TAG]].append(record)
    return {cluster: _state(records) for cluster, records in found.items()}


def _state(records: Sequence[RunRecord]) -> RetrainingState:
    newest_first = sorted(records, key=lambda record: record.storage_id, reverse=True)
    statuses = [record.dagster_run.status for record in newest_first if not _is_tried_again(record)]
    finished = [status for status in statuses if status not in IN_FLIGHT]
    failures = next((i for i, status in enumerate(finished) if status == DagsterRunStatus.SUCCESS), len(finished))
    requested = newest_first[0].create_timestamp.astimezone(UTC) if newest_first else None
    return RetrainingState(any(status in IN_FLIGHT for status in statuses), requested, failures)


def _is_tried_again(record: RunRecord) -> bool:
    """A lost worker is no failed retraining as long as Dagster launches the same run again."""
    return record.dagster_run.tags.get(WILL_RETRY_TAG) == "true"


@asset_check(
    asset=champion_model,
    name=HEALTH_CHECK,
    description="No cluster's retraining failed last time it was tried; after several failures only a person retries.",
)
def retraining_succeeds(context: AssetCheckExecutionContext, settings: ResourceParam[Settings]) -> AssetCheckResult:
    """Judge the retrainings of all clusters."""
    return health(context.instance, settings)


def health(instance: DagsterInstance, settings: Settings) -> AssetCheckResult:
    """Return the verdict of the standing check as of now."""
    states = retraining_states(instance, instance.get_dynamic_partitions("cluster"))
    failing = {cluster: state.failures for cluster, state in sorted(states.items()) if state.failures}
    words = [_words(cluster, failures, settings) for cluster, failures in failing.items()]
    return AssetCheckResult(
        asset_key=champion_model.key,
        check_name=HEALTH_CHECK,
        passed=not failing,
        severity=AssetCheckSeverity.WARN,
        description="; ".join(words) or "no retraining fails",
        metadata={"failing_clusters": list(failing), "failures": dict(failing)},
    )


def changed_health(instance: DagsterInstance, settings: Settings) -> list[AssetCheckEvaluation]:
    """Return an evaluation to report where the latest one says something else; none as long as all is well."""
    now = health(instance, settings)
    told = last_words(instance, HEALTH_KEY)
    if (told is None and now.passed) or told == now.description:
        return []
    return [
        AssetCheckEvaluation(
            asset_key=champion_model.key,
            check_name=HEALTH_CHECK,
            passed=now.passed,
            severity=now.severity,
            description=now.description,
            metadata=now.metadata,
        )
    ]


def _words(cluster: str, failures: int, settings: Settings) -> str:
    given_up = failures >= settings.retraining.maximum_failures
    way_out = (
        "mend the cause and launch the job retraining by hand"
        if given_up
        else "it is tried again when a cause is found"
    )
    return f"the last {failures} retraining(s) of {cluster} failed: {way_out}"
