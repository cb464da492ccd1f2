"""Dagster's daemon killed -9 anywhere in a tick of the retraining sensor: one retraining for each failed check."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from dagster import AssetCheckEvaluation, AssetKey, DagsterInstance

from cloud_optimizer.assets.checks import SliceCheck, check_results
from cloud_optimizer.cli.graph import open_instance
from cloud_optimizer.cli.serve import dagster_home
from cloud_optimizer.partitions import DAYS, Slice
from cloud_optimizer.resources.postgres import EmbeddedPostgres, database_urls
from cloud_optimizer.resources.postgres.migrations import migrate
from cloud_optimizer.settings import Settings

DAY = DAYS.start.date() + timedelta(days=40)
DAEMON = Path(__file__).with_name("crashing_daemon.py")  # by path: as a module of the tests it would get their home
FLAGS = ("TICK_CREATED", "TICK_HELD", "RUN_CREATED", "RUN_LAUNCHED")


@dataclass
class Machine:
    """A state folder, and a daemon that lives for one tick at a time."""

    home: Path
    instance: DagsterInstance
    seconds: int = 0

    def tick(self, *flags: str) -> int:
        """Return the exit status of the daemon: -9 where the flag killed it."""
        self.seconds += 60  # the sensor is due again
        environment = {
            **os.environ,
            "CLOUD_OPTIMIZER_HOME": str(self.home),
            "DAGSTER_HOME": str(dagster_home(Settings(home=self.home))),
        }
        command = [sys.executable, "-W", "ignore", str(DAEMON), str(self.seconds), *flags]
        return subprocess.run(command, env=environment, capture_output=True, check=False).returncode

    def fail_check(self, cluster: str) -> None:
        self.instance.add_dynamic_partitions("cluster", [cluster])
        judged = SliceCheck("data_drift", Slice(cluster, DAY, DAY), passed=False, description="words")
        (result,) = check_results("drift_report", [judged], {"data_drift": False})
        self.instance.report_runless_asset_event(
            AssetCheckEvaluation(AssetKey("drift_report"), "data_drift", passed=False, metadata=result.metadata)
        )

    def retrainings(self) -> list[str]:
        runs = [run for run in self.instance.get_runs() if run.job_name == "retraining"]
        return sorted(run.tags["dagster/partition/cluster"] for run in runs)


@pytest.fixture
def machine() -> Iterator[Machine]:
    home = Path(tempfile.mkdtemp(prefix="co-crash-"))
    home.chmod(0o755)
    server = EmbeddedPostgres(home, settings={"fsync": "off"}).start()
    try:
        migrate(database_urls(home).warehouse)
        with open_instance(Settings(home=home)) as instance:
            yield Machine(home, instance)
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def test_a_daemon_killed_anywhere_in_a_tick_requests_one_retraining_for_each_failed_check(machine: Machine) -> None:
    for number, flag in enumerate(FLAGS, start=1):
        machine.fail_check(flag.lower())
        assert machine.tick(flag) == -signal.SIGKILL
        assert machine.tick() == 0
        assert machine.retrainings() == sorted(other.lower() for other in FLAGS[:number])
    assert machine.tick() == 0
    assert len(machine.retrainings()) == len(FLAGS)
