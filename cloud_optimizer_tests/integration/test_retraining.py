"""Real drift on real services: demand doubles, the drift report fails, and one retraining is requested."""

from collections.abc import Iterator

import polars as pl
import pytest
from dagster import AssetCheckKey, AssetKey, RunRequest, SensorResult, build_sensor_context

from cloud_optimizer.automation.check_history import failed_checks
from cloud_optimizer.automation.sensors import retraining_on_cause
from cloud_optimizer.cli.graph import Graph, Plan
from cloud_optimizer.core.contracts import DAY, TARGETS
from cloud_optimizer.resources.warehouse import DRIFT, HOURS
from cloud_optimizer_tests.integration.conftest import CLUSTER, LAST, NOW, Workbench, day

TODAY = day(0)
KEY = str(TODAY.key(LAST))


@pytest.fixture(scope="module")
def drifted(workbench: Workbench) -> Iterator[Workbench]:
    """Return the platform with a champion and twice the usual demand on the newest day."""
    Graph(workbench.materializer, ["seasonal_naive_model", "lightgbm_model"]).run(Plan.of(workbench.source))
    warehouse = workbench.platform.warehouse
    before = {table: warehouse.read(table, CLUSTER, LAST, LAST + DAY) for table in (HOURS, DRIFT)}
    doubled = before[HOURS].with_columns(pl.col([target.column for target in TARGETS]) * 2)
    warehouse.replace(CLUSTER, LAST, LAST + DAY, {HOURS: doubled})
    workbench.run(TODAY, "drift_report")
    yield workbench
    warehouse.replace(CLUSTER, LAST, LAST + DAY, before)


def test_the_drift_report_fails_its_check_for_that_day(drifted: Workbench) -> None:
    failures = failed_checks(drifted.instance, AssetCheckKey(AssetKey("drift_report"), "target_drift"))
    assert (failures[-1].cluster, failures[-1].partition) == (CLUSTER, KEY)
    rows = drifted.platform.warehouse.read(DRIFT, CLUSTER, LAST, LAST + DAY)
    verdict = rows.filter(pl.col("kind") == "target", pl.col("statistic") == "verdict")
    assert verdict["drifted"].to_list() == [True]


def test_the_run_that_failed_the_check_is_a_success_because_drift_blocks_nothing(drifted: Workbench) -> None:
    newest = drifted.instance.get_runs(limit=1)[0]
    assert newest.is_success


def test_exactly_one_retraining_is_requested_however_often_the_sensor_looks(drifted: Workbench) -> None:
    platform = drifted.platform
    resources = {"settings": platform.settings, "warehouse": platform.warehouse, "clock": lambda: NOW}
    requests: list[RunRequest] = []
    cursor = None
    for _ in range(4):
        with build_sensor_context(drifted.instance, cursor=cursor, resources=resources) as context:
            result = retraining_on_cause(context)
        assert isinstance(result, SensorResult)
        requests += result.run_requests or ()
        cursor = result.cursor
    (request,) = requests
    assert request.partition_key == KEY
    assert f"target_drift failed for {KEY}" in request.tags["cloud_optimizer/reason"]
