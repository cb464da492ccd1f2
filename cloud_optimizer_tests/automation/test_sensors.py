"""A failed drift check leads to one retraining of its cluster, however often the sensor looks."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetKey,
    DagsterEvent,
    DagsterInstance,
    DagsterRunStatus,
    RunRequest,
    SensorResult,
    build_sensor_context,
)
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.test_utils import create_run_for_test

from cloud_optimizer.assets.checks import SliceCheck, check_results
from cloud_optimizer.automation.sensors import SEEN_LIMIT, retraining_on_cause
from cloud_optimizer.core.retraining import RetrainingSettings
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.partitions import DAYS, Slice
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.settings import Settings

HOUR = timedelta(hours=1)
FIRST = DAYS.start.date() + timedelta(days=40)
SETTINGS = Settings(retraining=RetrainingSettings(cool_down=12 * HOUR, maximum_failures=3))
ORIGIN = RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "all"), "retraining")


@dataclass
class Daemon:
    """Ticks the sensor as Dagster's daemon does: the cursor is kept, the time goes on."""

    instance: DagsterInstance
    warehouse: Warehouse
    now: datetime
    cursor: str | None = None

    def fail(self, check: str = "data_drift", cluster: str = "web", day: date = FIRST, passed: bool = False) -> None:
        judged = SliceCheck(check, Slice(cluster, day, day), passed, "words")
        (result,) = check_results("drift_report", [judged], {check: False})
        evaluation = AssetCheckEvaluation(
            asset_key=AssetKey("drift_report"), check_name=check, passed=passed, metadata=result.metadata
        )
        self.instance.report_runless_asset_event(evaluation)

    def tick(self) -> SensorResult:
        resources = {"settings": SETTINGS, "warehouse": self.warehouse, "clock": lambda: self.now}
        with build_sensor_context(self.instance, cursor=self.cursor, resources=resources) as context:
            result = retraining_on_cause(context)
        assert isinstance(result, SensorResult)
        self.cursor = result.cursor
        return result

    def requests(self, ticks: int = 1) -> list[RunRequest]:
        return [request for _ in range(ticks) for request in self.tick().run_requests or ()]

    def launch(self, request: RunRequest, status: DagsterRunStatus) -> str:
        """Record the run that Dagster would make of the request; it carries the tags of its partition."""
        cluster = str(request.partition_key).split("|")[0]
        tags = {**request.tags, "dagster/partition/cluster": cluster}
        return create_run_for_test(
            self.instance, job_name="retraining", status=status, tags=tags, remote_job_origin=ORIGIN
        ).run_id

    def finish(self, run_id: str) -> None:
        self.instance.report_dagster_event(DagsterEvent("PIPELINE_SUCCESS", "retraining"), run_id)


@pytest.fixture
def daemon(warehouse: Warehouse) -> Iterator[Daemon]:
    with DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("cluster", ["batch", "web"])
        yield Daemon(instance, warehouse, datetime.now(UTC))


def test_a_failed_check_is_exactly_one_request_over_many_ticks(daemon: Daemon) -> None:
    daemon.fail()
    (request,) = daemon.requests(ticks=6)
    assert request.partition_key == f"web|{FIRST}"
    assert request.tags["cloud_optimizer/reason"] == f"data_drift failed for web|{FIRST}"
    assert request.tags["cloud_optimizer/cause"].startswith("data_drift:")
    assert request.run_key == f"retraining web {request.tags['cloud_optimizer/cause']}"


def test_nothing_failed_is_no_request_and_says_so(daemon: Daemon) -> None:
    daemon.fail(passed=True)
    result = daemon.tick()
    assert result.run_requests == []
    assert result.skip_reason is not None
    assert result.skip_reason.skip_message == "nothing new asks for a retraining"


def test_all_checks_of_a_day_are_one_request_that_names_them(daemon: Daemon) -> None:
    checks = ("data_drift", "prediction_drift", "target_drift", "performance_degradation")
    for check in checks:
        daemon.fail(check)
    (request,) = daemon.requests(ticks=3)
    assert all(f"{check} failed" in request.tags["cloud_optimizer/reason"] for check in checks)


def test_each_cluster_is_retrained_on_its_own_day(daemon: Daemon) -> None:
    daemon.fail(cluster="web")
    daemon.fail(cluster="batch", day=FIRST + timedelta(days=2))
    requested = sorted(str(request.partition_key) for request in daemon.requests(ticks=3))
    assert requested == [f"batch|{FIRST + timedelta(days=2)}", f"web|{FIRST}"]


@pytest.mark.parametrize("status", [DagsterRunStatus.QUEUED, DagsterRunStatus.STARTED])
def test_while_a_retraining_is_in_flight_a_later_failure_waits_and_is_not_forgotten(
    daemon: Daemon, status: DagsterRunStatus
) -> None:
    daemon.fail()
    (request,) = daemon.requests()
    run_id = daemon.launch(request, status)
    later = FIRST + timedelta(days=1)
    daemon.fail(day=later)
    daemon.now += 13 * HOUR
    for _ in range(3):
        result = daemon.tick()
        assert result.run_requests == []
        assert result.skip_reason is not None
        assert result.skip_reason.skip_message == "web: a retraining is in flight"
    daemon.finish(run_id)
    (second,) = daemon.requests(ticks=4)
    assert second.partition_key == f"web|{later}"


def test_a_failure_after_a_retraining_waits_for_the_cool_down_and_is_requested_once(daemon: Daemon) -> None:
    daemon.fail()
    (request,) = daemon.requests()
    daemon.launch(request, DagsterRunStatus.SUCCESS)
    again = FIRST + timedelta(days=1)
    daemon.fail(day=again)
    daemon.now += HOUR
    result = daemon.tick()
    assert result.run_requests == []
    assert result.skip_reason is not None
    assert "web: cooling down until" in str(result.skip_reason.skip_message)
    daemon.now += 12 * HOUR
    (second,) = daemon.requests(ticks=4)
    assert second.partition_key == f"web|{again}"
    assert second.run_key != request.run_key


def test_after_three_failed_retrainings_only_a_person_starts_the_next_one(daemon: Daemon) -> None:
    daemon.fail()
    (request,) = daemon.requests()
    for _ in range(3):
        daemon.launch(request, DagsterRunStatus.FAILURE)
    daemon.fail(day=FIRST + timedelta(days=1))
    daemon.now += 100 * HOUR
    result = daemon.tick()
    assert result.run_requests == []
    assert result.skip_reason is not None
    assert "the last 3 retrainings failed: mend the cause" in str(result.skip_reason.skip_message)


def test_the_cursor_is_bounded_and_keeps_the_newest_causes(daemon: Daemon) -> None:
    daemon.cursor = json.dumps([f"data_drift:-{n}" for n in range(SEEN_LIMIT + 50)])
    daemon.fail()
    (request,) = daemon.requests()
    seen = json.loads(str(daemon.cursor))
    assert len(seen) == SEEN_LIMIT
    assert seen[-1] == request.tags["cloud_optimizer/cause"]
    assert daemon.requests(ticks=2) == []


@pytest.mark.filterwarnings("ignore:Non-compliant tag keys:DeprecationWarning")  # they are Dagster's own
def test_the_request_becomes_a_run_of_the_retraining_job_for_that_partition(daemon: Daemon) -> None:
    daemon.fail()
    repository = build_defs(SETTINGS).get_repository_def()
    resources = {"settings": SETTINGS, "warehouse": daemon.warehouse, "clock": lambda: daemon.now}
    with (
        build_sensor_context(daemon.instance, resources=resources, repository_def=repository) as context,
        partition_loading_context(dynamic_partitions_store=daemon.instance),
    ):
        data = repository.get_sensor_def("retraining_on_cause").evaluate_tick(context)
    (request,) = data.run_requests or ()
    assert request.tags["dagster/partition/cluster"] == "web"
    assert request.tags["dagster/partition/date"] == FIRST.isoformat()
    assert [target.job_name for target in repository.get_sensor_def("retraining_on_cause").targets] == ["retraining"]
