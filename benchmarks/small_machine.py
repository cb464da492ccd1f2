"""A small machine on which orchestration is tried: a simulated fleet, trainings queued at once, a backfill.

Trainings run as in production: Dagster's queue daemon launches each as a process of the code server.
"""

import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import psutil
import yaml
from dagster import AssetKey, DagsterInstance, DagsterRunStatus, RunRequest, RunsFilter
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.execution.submit_asset_runs import submit_asset_run
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import InProcessTestWorkspaceLoadTarget, create_test_daemon_workspace_context
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.backfill import execute_backfill_iteration
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from rich.console import Console

from cloud_optimizer.cli.materialize import QUIET, Materializer
from cloud_optimizer.connections import Platform, local_platform
from cloud_optimizer.core.simulator.settings import SimulatorSettings
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.partitions import PARTITIONS, Slice
from cloud_optimizer.resources.model_registry.records import TAG_PREFIX
from cloud_optimizer.resources.telemetry.simulator import SimulatorSource
from cloud_optimizer.settings import REPOSITORY, Settings

FIRST: Final = date(2026, 3, 2)
INGESTION: Final = ("raw_workload_metrics", "workload_metrics", "quarantined_metrics")
FEATURES: Final = "workload_features"
HISTORY: Final = timedelta(days=24)
BACKFILL: Final = "history"
TICKS: Final = 10
POLL_SECONDS: Final = 0.2
LOGGER: Final = logging.getLogger(__name__)

IN_PROCESS: Final = {
    "run_coordinator": {"module": "dagster.core.run_coordinator", "class": "DefaultRunCoordinator"},
    "run_launcher": {
        "module": "dagster._core.launcher.sync_in_memory_run_launcher",
        "class": "SyncInMemoryRunLauncher",
    },
    "concurrency": {},
    "run_monitoring": {},
    "run_retries": {},
}
"""Keys of dagster.yaml with which a run is over as soon as it is launched, in the process that launches it."""

Triple = tuple[str, str, str]
"""Asset, cluster and day of a training."""


@dataclass(frozen=True)
class SmallMachine:
    """A platform of a few workloads in hourly samples, and its Dagster instance."""

    platform: Platform
    instance: DagsterInstance
    fleet: SimulatorSettings

    @property
    def everything(self) -> list[Slice]:
        """All days of every cluster."""
        last = self.fleet.start + timedelta(days=self.fleet.days - 1)
        return [Slice(cluster, self.fleet.start, last) for cluster in self.fleet.clusters]

    def ingest(self) -> None:
        """Bring all telemetry to features, in this process."""
        job = build_defs(self.platform.settings).resolve_implicit_global_asset_job_def()
        materializer = Materializer(job, self.instance, Console(quiet=True))
        for part in self.everything:
            materializer.run((*INGESTION, FEATURES), part, lambda _: None)

    def mlflow_runs(self) -> Counter[Triple]:
        """Count the runs in MLflow of each training."""
        client = self.platform.model_registry.client
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        found = client.search_runs(experiments, max_results=10_000)
        return Counter(_triple(run.data.tags) for run in found if f"{TAG_PREFIX}asset" in run.data.tags)


@contextmanager
def small_machine(home: Path, clusters: Sequence[str], days: int, **runs: dict[str, Any]) -> Iterator[SmallMachine]:
    """Start a platform in a new state folder, which the environment must name already.

    Args:
        home: State folder.
        clusters: Names of the simulated clusters.
        days: Of telemetry, from FIRST.
        runs: Top-level keys of dagster.yaml to other values.
    """
    fleet = SimulatorSettings(
        clusters=tuple(clusters), workloads_per_cluster=2, start=FIRST, days=days, cadence_seconds=3600
    )
    config = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text()) | runs
    config["storage"]["custom"]["config"] = {"home": str(home)}
    folder = home / "dagster"
    folder.mkdir(parents=True)
    (folder / "dagster.yaml").write_text(yaml.safe_dump(config))
    with local_platform(Settings(home=home)) as platform:
        platform.telemetry.register(SimulatorSource(fleet), fleet.model_dump(mode="json"))
        with DagsterInstance.from_ref(InstanceRef.from_dir(str(folder))) as instance:
            instance.add_dynamic_partitions("cluster", list(clusters))
            yield SmallMachine(platform, instance, fleet)


def side_by_side(count: int) -> dict[str, Any]:
    """Return the keys of dagster.yaml with which so many trainings run at once, not one."""
    pools = {"granularity": "run", "default_limit": count}
    return {"concurrency": {"runs": {"max_concurrent_runs": count}, "pools": pools}}


def trainings(machine: SmallMachine, families: Sequence[str], days: int) -> list[Triple]:
    """Return each family as of each of the last days of each cluster."""
    lasts = [part.last - timedelta(days=back) for part in machine.everything[:1] for back in range(days)]
    return [(f, cluster, day.isoformat()) for f in families for cluster in machine.fleet.clusters for day in lasts]


def run_queued(machine: SmallMachine, wanted: Sequence[Triple], seconds: float) -> Counter[DagsterRunStatus]:
    """Queue all trainings at once, let the daemon launch them, and count how their runs ended.

    Raises:
        TimeoutError: Some had not ended after `seconds`.
    """
    target = ModuleTarget("cloud_optimizer.definitions", None, str(REPOSITORY), "cloud_optimizer")
    daemon = QueuedRunCoordinatorDaemon(interval_seconds=1)
    opened = create_test_daemon_workspace_context(target, machine.instance)
    with _no_process_left(), opened as workspace, daemon:
        for number, training in enumerate(wanted):
            asyncio.run(_queue(workspace, training, number))
        end = time.monotonic() + seconds
        waiting = RunsFilter(statuses=[s for s in DagsterRunStatus if s not in _ENDED])
        while machine.instance.get_runs_count(waiting):
            if time.monotonic() > end:
                raise TimeoutError(f"trainings still ran or waited after {seconds:.0f} s")
            list(daemon.run_iteration(workspace))
            time.sleep(POLL_SECONDS)
    named = [run for run in machine.instance.get_runs() if run.tags.get(_QUEUED) == "yes"]
    return Counter(run.status for run in named)


def backfill(machine: SmallMachine) -> None:
    """Backfill all telemetry to features, requested as the UI does, until Dagster's daemon calls it complete.

    Raises:
        RuntimeError: It failed, or is not complete after TICKS looks.
    """
    target = InProcessTestWorkspaceLoadTarget(
        InProcessCodeLocationOrigin(
            LoadableTargetOrigin(executable_path=sys.executable, module_name="cloud_optimizer.definitions"),
            location_name="cloud_optimizer",
        )
    )
    machine.instance.add_backfill(requested_backfill(machine))
    with WorkspaceProcessContext(machine.instance, target) as workspace:
        for _ in range(TICKS):
            list(execute_backfill_iteration(workspace, LOGGER))
            found = machine.instance.get_backfill(BACKFILL)
            if found is not None and found.status == BulkActionStatus.COMPLETED_SUCCESS:
                return
    raise RuntimeError(f"the backfill was not complete after {TICKS} looks: {found and found.status}")


def requested_backfill(machine: SmallMachine) -> PartitionBackfill:
    """Return the request for all days up to the end of telemetry.

    Of an older range, features of the two weeks after it would be made again too.
    """
    parts = machine.everything
    return PartitionBackfill.from_asset_partitions(
        backfill_id=BACKFILL,
        asset_graph=build_defs(machine.platform.settings).get_repository_def().asset_graph,
        partition_names=sorted(str(part.key(day)) for part in parts for day in part.days),
        asset_selection=[AssetKey(name) for name in (*INGESTION, FEATURES)],
        backfill_timestamp=parts[0].end.timestamp(),
        tags={},
        dynamic_partitions_store=machine.instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=QUIET,
    )


_ENDED: Final = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
_QUEUED: Final = "queued_at_once"


@contextmanager
def _no_process_left() -> Iterator[None]:
    """Wait for the end of the code server: it would start the database again that is stopped after it."""
    before = set(psutil.Process().children())
    yield
    psutil.wait_procs(set(psutil.Process().children()) - before, timeout=30)


async def _queue(workspace: WorkspaceProcessContext, training: Triple, number: int) -> None:
    asset, cluster, day = training
    when = date.fromisoformat(day)
    partition = PARTITIONS.get_tags_for_partition_key(Slice(cluster, when, when).key(when))
    request = RunRequest(run_config=QUIET, asset_selection=[AssetKey(asset)])
    tagged = request._replace(tags={**partition, _QUEUED: "yes"})
    context = workspace.create_request_context()
    await submit_asset_run(None, tagged, number, workspace.instance, workspace, context, {}, {}, LOGGER)


def _triple(tags: dict[str, str]) -> Triple:
    return tags[f"{TAG_PREFIX}asset"], tags[f"{TAG_PREFIX}cluster"], tags[f"{TAG_PREFIX}date"]
