"""The local run launcher: runs as processes of the code server, with a look at whether those processes still live.

Dagster's own launcher leaves the run of a killed process STARTED when its code server died with it (a reboot, a kill of
the whole session): nobody is left to notice before the longest run time of two hours is over. Named in dagster.yaml,
for one machine; Kubernetes has a launcher that asks the cluster.
"""

import os
from pathlib import Path

from dagster import DagsterEventType, DagsterInstance, DagsterRun
from dagster._core.events import EngineEventData
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus


class LocalRunLauncher(DefaultRunLauncher):
    """Dagster's default launcher that run monitoring can ask for the health of a run's process."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring asks for every started run."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Tell whether the process of a run lives; one whose process is not known yet does."""
        pid = worker_pid(self._instance, run.run_id)
        if pid is None or _lives(pid):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"The process {pid} of the run is gone.")


def worker_pid(instance: DagsterInstance, run_id: str) -> int | None:
    """Return the id of the process that executes a run, from the first event in which it says so."""
    for entry in instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT):
        data = entry.dagster_event.event_specific_data if entry.dagster_event else None
        if isinstance(data, EngineEventData) and "pid" in data.metadata:
            return int(str(data.metadata["pid"].value))
    return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, and is somebody else's
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Tell whether a process ended and only its parent has not noticed; known where there is /proc."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state == "Z"
