"""Tries that are bounded on a real instance, tick by tick of Dagster's own scheduler."""

import logging
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from dagster import AssetMaterialization, DagsterInstance, DagsterRun, DagsterRunStatus, Definitions
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.storage.tags import RUN_KEY_TAG
from dagster._core.test_utils import InProcessTestWorkspaceLoadTarget
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._scheduler.scheduler import launch_scheduled_runs
from dagster._utils.error import SerializableErrorInfo

from cloud_optimizer.automation.jobs import complete_partition_job
from cloud_optimizer.automation.schedules import LOOKBACK_DAYS, missing_partitions
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.partitions import DAYS, partition_key
from cloud_optimizer.settings import Settings
from cloud_optimizer_tests.automation.test_schedules import Catalog, source

START = DAYS.start + timedelta(days=40)
HOUR = timedelta(hours=1)
# Dagster's own code does both where it loads schedules and requests partitions of two dimensions
pytestmark = [
    pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars` is deprecated"),
    pytest.mark.filterwarnings("ignore:Non-compliant tag keys"),
]
QUEUED = {"module": "dagster._core.run_coordinator", "class": "QueuedRunCoordinator"}


@dataclass
class Scheduler:
    """Dagster's scheduler on an instance whose queue launches nothing; the clock is that of the ticks."""

    workspace: WorkspaceProcessContext
    now: datetime = START

    def tick(self, now: datetime, crash: Exception | None = None) -> list[SerializableErrorInfo]:
        """Return what went wrong; a crash comes between a run's record and its launch."""
        self.now = now
        flags = {missing_partitions.name: {"RUN_CREATED": crash}} if crash else None
        scheduler = launch_scheduled_runs(
            self.workspace, logging.getLogger("scheduler"), now, {}, max_tick_retries=1, debug_crash_flags=flags
        )
        return [error for error in scheduler if error]

    @property
    def runs(self) -> list[DagsterRun]:
        return list(self.workspace.instance.get_runs())


@pytest.fixture
def scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scheduler]:
    """Return the schedule of missing partitions over a cluster of which one day of the last week is missing."""
    overrides = {"telemetry": Catalog([source("web")]), "clock": lambda: ticking.now}
    everything = build_defs(Settings(home=tmp_path), overrides)
    graph = Definitions(
        everything.assets, schedules=[missing_partitions], jobs=[complete_partition_job], resources=everything.resources
    )
    monkeypatch.setattr(sys.modules[__name__], "GRAPH", graph, raising=False)
    target = LoadableTargetOrigin(executable_path=sys.executable, module_name=__name__, attribute="GRAPH")
    location = InProcessTestWorkspaceLoadTarget(InProcessCodeLocationOrigin(target, location_name="graph"))
    settings = {"telemetry": {"enabled": False}, "run_coordinator": QUEUED}
    with (
        DagsterInstance.local_temp(str(tmp_path), settings) as instance,
        WorkspaceProcessContext(instance, location) as workspace,
    ):
        instance.add_dynamic_partitions("cluster", ["web"])
        materialized = {"champion_model": [START - timedelta(days=30)]}
        materialized["scaling_recommendations"] = [START - timedelta(days=n) for n in range(2, LOOKBACK_DAYS + 1)]
        for asset, days in materialized.items():
            for day in days:
                key = str(partition_key("web", day.date()))
                instance.report_runless_asset_event(AssetMaterialization(asset, partition=key))
        ticking = Scheduler(workspace)
        ticking.tick(START)
        yield ticking


def test_what_waits_or_fails_all_day_is_run_three_times(scheduler: Scheduler) -> None:
    for hour in range(24):
        assert scheduler.tick(START + hour * HOUR + HOUR / 2) == []
        if hour < 8:  # the first waits in the queue, the others fail
            continue
        for run in scheduler.runs:
            if not run.is_finished:
                scheduler.workspace.instance.report_run_failed(run, "it cannot succeed")
    assert Counter(run.tags[RUN_KEY_TAG] for run in scheduler.runs) == {
        f"missing web|{(START - timedelta(days=1)).date()} {START:%Y-%m-%d} {third}": 1 for third in range(3)
    }


def test_a_run_that_a_killed_scheduler_recorded_and_did_not_launch_is_launched(scheduler: Scheduler) -> None:
    scheduler.tick(START + HOUR / 2, crash=RuntimeError("killed"))
    assert [run.status for run in scheduler.runs] == [DagsterRunStatus.NOT_STARTED]
    for _ in range(2):
        scheduler.tick(START + HOUR / 2)
    assert [run.status for run in scheduler.runs] == [DagsterRunStatus.QUEUED]
