"""A backfill of ingestion and features whose daemon or run is killed -9 half-way, repeatedly: each partition once."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.execution.backfill import BulkActionStatus

from benchmarks.small_machine import BACKFILL, FEATURES, IN_PROCESS, INGESTION, requested_backfill, small_machine

DAEMON = Path(__file__).with_name("backfilling_daemon.py")  # by path: as a module of the tests it would get their home
CLUSTERS = ("batch", "web")
CHUNK, DAYS = 2, 3
RETRIES = {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False}  # as in dagster.yaml
# Dagster's own code for the button of the UI calls it
pytestmark = pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources` is deprecated")


@dataclass
class Backfill:
    """An open backfill on the state of a machine, and its daemon, which lives for one tick at a time."""

    instance: DagsterInstance
    daemon: subprocess.Popen[str]
    wanted: Counter[str]

    def tick(self, flag: str = "") -> int:
        """Return the exit status of one tick: -9 where the flag killed it."""
        assert self.daemon.stdin is not None
        assert self.daemon.stdout is not None
        self.daemon.stdin.write(f"{flag}\n")
        self.daemon.stdin.flush()
        return int(self.daemon.stdout.readline())

    @property
    def status(self) -> BulkActionStatus:
        found = self.instance.get_backfill(BACKFILL)
        assert found is not None
        return found.status

    def runs(self, asset: str) -> list[DagsterRun]:
        return [run for run in self.instance.get_runs() if AssetKey(asset) in (run.asset_selection or ())]

    def makers(self, asset: str) -> Counter[str]:
        """Count the runs that materialized each partition of an asset."""
        records = self.instance.fetch_materializations(AssetKey(asset), limit=1000).records
        return Counter(part for part, _ in {(str(record.partition_key), record.run_id) for record in records})


@pytest.fixture
def opened() -> Iterator[Backfill]:
    home = Path(tempfile.mkdtemp(prefix="co-backfill-"))
    home.chmod(0o755)
    environment = {
        **os.environ,
        "CLOUD_OPTIMIZER_HOME": str(home),
        "CLOUD_OPTIMIZER_BACKFILL_DAYS": str(CHUNK),
        "DAGSTER_HOME": str(home / "dagster"),
    }
    try:
        with small_machine(home, CLUSTERS, DAYS, **{**IN_PROCESS, "run_retries": RETRIES}) as machine:
            machine.instance.add_backfill(requested_backfill(machine))
            with subprocess.Popen(
                [sys.executable, "-W", "ignore", str(DAEMON)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                text=True,
            ) as daemon:
                wanted = Counter(str(part.key(day)) for part in machine.everything for day in part.days)
                yield Backfill(machine.instance, daemon, wanted)
                daemon.stdin.close()  # type: ignore[union-attr]  # it ends with its input
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_a_backfill_whose_daemon_is_killed_half_way_makes_every_partition_once_in_few_runs(opened: Backfill) -> None:
    runs_each = len(CLUSTERS) * -(-DAYS // CHUNK)
    # before the first run, in the middle of it, after a run is recorded but not launched, after another one was done
    for flag in ("EXECUTION_PLAN_CREATED_0", "IN_A_RUN", "RUN_CREATED_1", "RUN_SUBMITTED_1"):
        assert opened.tick(flag) == -signal.SIGKILL
    assert 0 < len(opened.makers("workload_metrics")) < len(opened.wanted)  # half-way indeed
    assert opened.tick() == 0
    assert {name: opened.makers(name) for name in INGESTION} == dict.fromkeys(INGESTION, opened.wanted)
    assert opened.makers(FEATURES) == Counter()  # they look back at two weeks of ingestion, which runs first
    for flag in ("RUN_CREATED_0", "RUN_SUBMITTED_2"):
        assert opened.tick(flag) == -signal.SIGKILL
    assert opened.tick() == 0
    assert opened.makers(FEATURES) == opened.wanted
    while opened.status == BulkActionStatus.REQUESTED:
        assert opened.tick() == 0
    assert opened.status == BulkActionStatus.COMPLETED_SUCCESS
    assert {name: opened.makers(name) for name in INGESTION} == dict.fromkeys(INGESTION, opened.wanted)
    (retry,) = (run for run in opened.instance.get_runs() if run.parent_run_id)  # of the run that was lost
    assert retry.status == DagsterRunStatus.SUCCESS
    assert len(opened.runs("workload_metrics")) == runs_each + 1
    assert len(opened.runs(FEATURES)) == runs_each
    assert len(opened.instance.get_runs()) == 2 * runs_each + 1
