"""A backfill of ingestion and features whose daemon is killed -9 half-way, again and again: each partition once."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from dagster import AssetKey, DagsterInstance, DagsterRun
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.instance.ref import InstanceRef

from cloud_optimizer.cli.materialize import QUIET
from cloud_optimizer.connections import local_platform
from cloud_optimizer.core.simulator.settings import SimulatorSettings
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.partitions import DAYS, Slice, midnight
from cloud_optimizer.resources.telemetry.simulator import SimulatorSource
from cloud_optimizer.settings import REPOSITORY, Settings

DAEMON = Path(__file__).with_name("backfilling_daemon.py")  # by path: as a module of the tests it would get their home
INGESTION = ("raw_workload_metrics", "workload_metrics", "quarantined_metrics")
FEATURES = "workload_features"
CLUSTERS = ("batch", "web")
CHUNK, DAYS_ASKED = 2, 3
FIRST = DAYS.start.date() + timedelta(days=20)
BACKFILL = "history"
# Dagster's own code for the button of the UI calls it
pytestmark = pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources` is deprecated")


@dataclass
class Backfill:
    """An open backfill on the state of a machine, and its daemon, which lives for one tick at a time."""

    instance: DagsterInstance
    daemon: subprocess.Popen[str]

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
        return Counter(part for part, _ in {(record.partition_key, record.run_id) for record in records})


def machine_settings(home: Path) -> Path:
    """Write the instance file of the platform, but for runs: they run inside the tick that asks for them."""
    config = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())
    config["storage"]["custom"]["config"] = {"home": str(home)}
    config["run_launcher"] = {
        "module": "dagster._core.launcher.sync_in_memory_run_launcher",
        "class": "SyncInMemoryRunLauncher",
    }
    config["run_coordinator"] = {"module": "dagster.core.run_coordinator", "class": "DefaultRunCoordinator"}
    for name in ("concurrency", "run_monitoring", "run_retries"):
        del config[name]
    folder = home / "dagster"
    folder.mkdir()
    (folder / "dagster.yaml").write_text(yaml.safe_dump(config))
    return folder


def partition_keys(cluster: str) -> list[str]:
    part = Slice(cluster, FIRST, FIRST + timedelta(days=DAYS_ASKED - 1))
    return [str(part.key(day)) for day in part.days]


WANTED = Counter(key for cluster in CLUSTERS for key in partition_keys(cluster))


def requested(instance: DagsterInstance, settings: Settings) -> PartitionBackfill:
    """Return the backfill that the UI requests for both clusters."""
    graph = build_defs(settings).get_repository_def().asset_graph
    return PartitionBackfill.from_asset_partitions(
        backfill_id=BACKFILL,
        asset_graph=graph,
        partition_names=sorted(WANTED),
        asset_selection=[AssetKey(name) for name in (*INGESTION, FEATURES)],
        # up to yesterday: of an older range, features of the two weeks after would be made again too
        backfill_timestamp=midnight(FIRST + timedelta(days=DAYS_ASKED)).timestamp(),
        tags={},
        dynamic_partitions_store=instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=QUIET,
    )


@pytest.fixture
def backfill() -> Iterator[Backfill]:
    home = Path(tempfile.mkdtemp(prefix="co-backfill-"))
    home.chmod(0o755)
    settings = Settings(home=home)
    fleet = SimulatorSettings(
        clusters=CLUSTERS, workloads_per_cluster=2, start=FIRST, days=DAYS_ASKED, cadence_seconds=3600
    )
    folder = machine_settings(home)
    environment = {
        **os.environ,
        "CLOUD_OPTIMIZER_HOME": str(home),
        "CLOUD_OPTIMIZER_BACKFILL_DAYS": str(CHUNK),
        "DAGSTER_HOME": str(folder),
    }
    try:
        with local_platform(settings) as platform:
            platform.telemetry.register(SimulatorSource(fleet), fleet.model_dump(mode="json"))
            daemon = subprocess.Popen(
                [sys.executable, "-W", "ignore", str(DAEMON)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                text=True,
            )
            with daemon, DagsterInstance.from_ref(InstanceRef.from_dir(str(folder))) as instance:
                instance.add_dynamic_partitions("cluster", list(CLUSTERS))
                instance.add_backfill(requested(instance, settings))
                yield Backfill(instance, daemon)
                daemon.stdin.close()  # type: ignore[union-attr]  # it ends with its input
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_a_backfill_whose_daemon_is_killed_half_way_makes_every_partition_once_in_few_runs(backfill: Backfill) -> None:
    runs_each = len(CLUSTERS) * -(-DAYS_ASKED // CHUNK)
    # before the first run, after a run is recorded but not launched, and after another one was done
    for flag in ("EXECUTION_PLAN_CREATED_0", "RUN_CREATED_1", "RUN_SUBMITTED_1"):
        assert backfill.tick(flag) == -signal.SIGKILL
    assert 0 < len(backfill.makers("workload_metrics")) < len(WANTED)  # half-way indeed
    assert backfill.tick() == 0
    assert {name: backfill.makers(name) for name in INGESTION} == dict.fromkeys(INGESTION, WANTED)
    assert backfill.makers(FEATURES) == Counter()  # they look back at two weeks of ingestion, which runs first
    for flag in ("RUN_CREATED_0", "RUN_SUBMITTED_2"):
        assert backfill.tick(flag) == -signal.SIGKILL
    assert backfill.tick() == 0
    assert backfill.makers(FEATURES) == WANTED
    while backfill.status == BulkActionStatus.REQUESTED:
        assert backfill.tick() == 0
    assert backfill.status == BulkActionStatus.COMPLETED_SUCCESS
    assert {name: backfill.makers(name) for name in INGESTION} == dict.fromkeys(INGESTION, WANTED)
    assert len(backfill.runs("workload_metrics")) == len(backfill.runs(FEATURES)) == runs_each
    assert len(backfill.instance.get_runs()) == 2 * runs_each
