"""The contract with Dagster's check history, which is not a public interface: what counts as a failed check."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    DagsterInstance,
    MaterializeResult,
    asset,
    materialize,
)

from cloud_optimizer.assets.checks import SliceCheck, check_results
from cloud_optimizer.automation.check_history import failed_checks
from cloud_optimizer.automation.retraining_causes import identity
from cloud_optimizer.cli.graph import open_instance
from cloud_optimizer.partitions import BACKFILL_POLICY, DAYS, PARTITIONS, Slice, partition_key
from cloud_optimizer.resources.postgres import EmbeddedPostgres
from cloud_optimizer.settings import Settings

CLUSTER = "web"
DAY = DAYS.start.date() + timedelta(days=40)
KEY = str(partition_key(CLUSTER, DAY))
pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")  # as in cloud_optimizer.partitions


@pytest.fixture(params=["memory", "postgresql"])
def instance(request: pytest.FixtureRequest) -> Iterator[DagsterInstance]:
    """Return an instance as tests have it, and one as the platform has it; the second one keeps what came before."""
    if request.param == "memory":
        with DagsterInstance.ephemeral() as opened:
            opened.add_dynamic_partitions("cluster", [CLUSTER])
            yield opened
    else:
        server: EmbeddedPostgres = request.getfixturevalue("postgres_server")
        with open_instance(Settings(home=server.folder.parent)) as opened:
            opened.wipe()
            opened.add_dynamic_partitions("cluster", [CLUSTER])
            yield opened


def told(passed: bool, *places: tuple[str, date]) -> AssetCheckResult:
    judged = [SliceCheck("drift", Slice(cluster, day, day), passed, f"words of {day}") for cluster, day in places]
    (result,) = check_results("judged", judged, {"drift": False})
    return result


def report(instance: DagsterInstance, passed: bool, *places: tuple[str, date], check: str = "drift") -> None:
    metadata = told(passed, *(places or [(CLUSTER, DAY)])).metadata
    evaluation = AssetCheckEvaluation(
        asset_key=AssetKey("reported"), check_name=check, passed=passed, metadata=metadata
    )
    instance.report_runless_asset_event(evaluation)


def run_of(instance: DagsterInstance, passed: bool, broken: bool = False) -> AssetCheckKey:
    """Materialize one partition of an asset whose check passes, fails or is never reached."""

    @asset(
        partitions_def=PARTITIONS,
        backfill_policy=BACKFILL_POLICY,
        check_specs=[AssetCheckSpec("drift", asset="judged")],
    )
    def judged(context: AssetExecutionContext) -> Iterator[MaterializeResult | AssetCheckResult]:
        if broken:
            raise RuntimeError(f"before {context.partition_key} was judged")
        yield MaterializeResult()
        yield told(passed, (CLUSTER, DAY))

    materialize([judged], partition_key=partition_key(CLUSTER, DAY), instance=instance, raise_on_error=False)
    return AssetCheckKey(AssetKey("judged"), "drift")


def reported(instance: DagsterInstance, limit: int = 100) -> list[tuple[str, str, str]]:
    found = failed_checks(instance, AssetCheckKey(AssetKey("reported"), "drift"), limit)
    return [(failure.check, failure.cluster, failure.partition) for failure in found]


def test_a_failed_evaluation_is_returned_with_its_place_and_time(instance: DagsterInstance) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    report(instance, passed=False)
    (failure,) = failed_checks(instance, AssetCheckKey(AssetKey("reported"), "drift"))
    assert (failure.check, failure.cluster, failure.partition) == ("drift", CLUSTER, KEY)
    assert before < failure.at < datetime.now(UTC) + timedelta(seconds=5)


def test_passed_evaluations_and_other_checks_are_not_returned(instance: DagsterInstance) -> None:
    report(instance, passed=True)
    report(instance, passed=False, check="another")
    assert reported(instance) == []


def test_the_latest_failures_come_oldest_first_each_with_an_identity_of_its_own(instance: DagsterInstance) -> None:
    for number in (1, 2, 3):
        report(instance, False, (CLUSTER, date(2026, 3, number)))
    assert [partition[-2:] for _, _, partition in reported(instance)] == ["01", "02", "03"]
    assert [partition[-2:] for _, _, partition in reported(instance, limit=2)] == ["02", "03"]
    found = failed_checks(instance, AssetCheckKey(AssetKey("reported"), "drift"))
    assert len({failure.record_id for failure in found}) == 3
    again = failed_checks(instance, AssetCheckKey(AssetKey("reported"), "drift"))
    assert found == again


def test_a_failure_that_does_not_say_where_cannot_be_acted_on(instance: DagsterInstance) -> None:
    event = AssetCheckEvaluation(
        asset_key=AssetKey("reported"), check_name="drift", passed=False, metadata={"cluster": CLUSTER}
    )
    instance.report_runless_asset_event(event)
    assert reported(instance) == []


def test_every_cluster_of_a_failed_evaluation_is_returned_with_its_newest_partition_and_its_own_words(
    instance: DagsterInstance,
) -> None:
    earlier = DAY - timedelta(days=1)
    report(instance, False, (CLUSTER, earlier), (CLUSTER, DAY), ("batch", earlier))
    found = failed_checks(instance, AssetCheckKey(AssetKey("reported"), "drift"))
    assert [(failure.cluster, failure.partition, failure.description) for failure in found] == [
        (CLUSTER, KEY, f"words of {earlier}; words of {DAY}"),
        ("batch", str(partition_key("batch", earlier)), f"words of {earlier}"),
    ]
    assert len({identity(failure) for failure in found}) == 2


def test_a_failing_check_of_a_partitioned_run_counts_once_although_its_planned_row_stays(
    instance: DagsterInstance,
) -> None:
    key = run_of(instance, passed=False)
    assert [(failure.cluster, failure.partition) for failure in failed_checks(instance, key)] == [(CLUSTER, KEY)]


@pytest.mark.parametrize("broken", [False, True], ids=["passed", "planned but never judged"])
def test_a_run_without_a_failed_check_leaves_no_failure(instance: DagsterInstance, broken: bool) -> None:
    assert failed_checks(instance, run_of(instance, passed=True, broken=broken)) == []
