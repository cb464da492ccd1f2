"""Clusters whose retraining keeps failing stand out, and are no longer failing once one succeeds."""

from collections.abc import Iterator

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test

from cloud_optimizer.automation.retraining_health import (
    CLUSTER_TAG,
    HEALTH_KEY,
    changed_health,
    health,
    retraining_state,
    retraining_states,
)
from cloud_optimizer.settings import Settings

SETTINGS = Settings()
FAILURE, SUCCESS, STARTED = DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS, DagsterRunStatus.STARTED


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("cluster", ["web", "batch"])
        yield instance


def run(instance: DagsterInstance, status: DagsterRunStatus, cluster: str = "web", job: str = "retraining") -> None:
    create_run_for_test(instance, job_name=job, status=status, tags={CLUSTER_TAG: cluster})


def test_the_tag_is_the_one_that_dagster_gives_every_run_of_a_partition() -> None:
    assert CLUSTER_TAG == "dagster/partition/cluster"


def test_failures_are_counted_from_the_newest_back_to_the_last_success(instance: DagsterInstance) -> None:
    for status in (FAILURE, SUCCESS, FAILURE, FAILURE):
        run(instance, status)
    run(instance, FAILURE, "batch")
    run(instance, FAILURE, job="complete_partition")
    states = retraining_states(instance, ["web", "batch", "never"])
    assert {cluster: state.failures for cluster, state in states.items()} == {"web": 2, "batch": 1, "never": 0}
    assert states["never"].last_requested is None


def test_a_run_in_flight_is_seen_and_does_not_count_as_a_success(instance: DagsterInstance) -> None:
    run(instance, FAILURE)
    run(instance, STARTED)
    state = retraining_state(instance, "web")
    assert (state.in_flight, state.failures) == (True, 1)


def test_a_lost_worker_that_dagster_replaces_is_no_failed_retraining(instance: DagsterInstance) -> None:
    tags = {CLUSTER_TAG: "web", "dagster/will_retry": "true"}
    create_run_for_test(instance, job_name="retraining", status=FAILURE, tags=tags)
    run(instance, FAILURE)
    assert retraining_state(instance, "web").failures == 1


def test_the_standing_check_names_the_clusters_and_the_way_out(instance: DagsterInstance) -> None:
    assert health(instance, SETTINGS).passed
    for _ in range(3):
        run(instance, FAILURE)
    run(instance, FAILURE, "batch")
    verdict = health(instance, SETTINGS)
    assert not verdict.passed
    assert verdict.description == (
        "the last 1 retraining(s) of batch failed: it is tried again when a cause is found; "
        "the last 3 retraining(s) of web failed: mend the cause and launch the job retraining by hand"
    )


def test_the_check_is_reported_when_it_changes_and_only_then(instance: DagsterInstance) -> None:
    assert changed_health(instance, SETTINGS) == []
    run(instance, FAILURE)
    for expected in (False, True):
        (event,) = changed_health(instance, SETTINGS)
        assert event.passed is expected
        instance.report_runless_asset_event(event)
        assert changed_health(instance, SETTINGS) == []
        run(instance, SUCCESS)
    assert instance.get_latest_asset_check_evaluation_record(HEALTH_KEY).evaluation.passed
