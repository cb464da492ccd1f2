"""One look of Dagster's sensor daemon at the platform's definitions, killed where it is told to be.

    python crashing_daemon.py SECONDS_LATER [FLAG]

The flags are Dagster's own: TICK_CREATED, TICK_HELD, RUN_CREATED, RUN_LAUNCHED.
"""

import logging
import signal
import sys
import time

from dagster import DagsterInstance
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import InProcessTestWorkspaceLoadTarget, freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._daemon.sensor import execute_sensor_iteration
from dagster._time import datetime_from_timestamp

SENSOR = "retraining_on_cause"


def main() -> None:
    """Tick every sensor that is due; a flag kills this process at that point of the retraining sensor's tick."""
    later, flags = float(sys.argv[1]), sys.argv[2:]
    crash = {SENSOR: dict.fromkeys(flags, signal.SIGKILL)}
    target = InProcessTestWorkspaceLoadTarget(
        InProcessCodeLocationOrigin(
            LoadableTargetOrigin(executable_path=sys.executable, module_name="cloud_optimizer.definitions"),
            location_name="cloud_optimizer",
        )
    )
    with (
        DagsterInstance.get() as instance,
        WorkspaceProcessContext(instance, target) as workspace,
        freeze_time(datetime_from_timestamp(time.time() + later)),
    ):
        logger = logging.getLogger("dagster.daemon")
        list(execute_sensor_iteration(workspace, logger, None, None, debug_crash_flags=crash))


if __name__ == "__main__":
    main()
