"""Dagster's backfill daemon on the platform's definitions; each tick is a process of its own, which a flag kills.

    python backfilling_daemon.py

Reads one line a tick and answers with its exit status. A line is empty, or one of Dagster's own flags with the number
of the run in the tick: EXECUTION_PLAN_CREATED_0, RUN_CREATED_1, RUN_SUBMITTED_2; or IN_A_RUN, between two of its steps'
writes. What a tick requests is run inside it, so that a tick that lives has materialized what it asked for, and a run
that a tick finds at work was lost with an earlier one.
"""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.execution import asset_backfill
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import InProcessTestWorkspaceLoadTarget
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import consume_new_runs_for_automatic_reexecution
from dagster._daemon.backfill import execute_backfill_iteration

import cloud_optimizer.definitions  # noqa: F401  # the ticks are forked from here, so they need not import it
from cloud_optimizer.resources.warehouse import Warehouse

FLAGS_ARGUMENT = 7  # of Dagster's submit_asset_run, which its daemon calls without any


@contextmanager
def opened() -> Iterator[WorkspaceProcessContext]:
    """Open the instance of DAGSTER_HOME with the platform's code in this process."""
    target = InProcessTestWorkspaceLoadTarget(
        InProcessCodeLocationOrigin(
            LoadableTargetOrigin(executable_path=sys.executable, module_name="cloud_optimizer.definitions"),
            location_name="cloud_optimizer",
        )
    )
    with DagsterInstance.get() as instance, WorkspaceProcessContext(instance, target) as workspace:
        yield workspace


def launch_lost_runs_again(workspace: WorkspaceProcessContext) -> None:
    """Fail the runs that died with an earlier tick, as run monitoring does, and have them retried."""
    instance = workspace.instance
    for run in instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.STARTED])):
        instance.report_run_failed(run, "its process is gone")
    records = instance.get_run_records()
    list(consume_new_runs_for_automatic_reexecution(workspace, records, logging.getLogger("retries")))


def die_in_a_run() -> None:
    """Have the second write of the first run kill this process: telemetry is there, what follows it is not."""
    replace, calls = Warehouse.replace, count(1)

    def die(*arguments: Any, **named: Any) -> Any:
        if next(calls) > 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(*arguments, **named)

    Warehouse.replace = die


def tick(flag: str) -> None:
    """Look at lost runs and at every open backfill once; the flag kills this process on its way."""
    if flag == "IN_A_RUN":
        die_in_a_run()
    submit = asset_backfill.submit_asset_run

    async def submit_with_flags(*arguments: object) -> object:
        crash = {flag: signal.SIGKILL} if flag else {}
        return await submit(*arguments[:FLAGS_ARGUMENT], crash, *arguments[FLAGS_ARGUMENT + 1 :])

    asset_backfill.submit_asset_run = submit_with_flags
    with opened() as workspace:
        launch_lost_runs_again(workspace)
        errors = [error for error in execute_backfill_iteration(workspace, logging.getLogger("backfill")) if error]
    for error in errors:
        sys.stderr.write(error.to_string())
    assert not errors


def main() -> None:
    """Answer every line with the status of one tick."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                tick(line.strip())
            except BaseException:
                logging.getLogger("backfill").exception("the tick failed")
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
