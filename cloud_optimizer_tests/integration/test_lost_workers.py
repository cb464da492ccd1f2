"""A worker that is killed -9 leaves no run STARTED for ever: it fails, and is tried again within the limit."""

import gc
import logging
import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.instance.ref import InstanceRef
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import consume_new_runs_for_automatic_reexecution
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

from cloud_optimizer.run_launcher import LocalRunLauncher, worker_pid
from cloud_optimizer.settings import REPOSITORY
from cloud_optimizer_tests.integration.sleeping_job import sleeping

LOGGER = logging.getLogger(__name__)
JOB_FILE = Path(__file__).with_name("sleeping_job.py")


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """Let Dagster's code servers go here: it ends them without waiting, and warns in whatever test collects them."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """Return an instance as dagster.yaml configures it, with its storage in a folder of the test."""
    config = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())
    del config["storage"]
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config))
    with DagsterInstance.from_ref(InstanceRef.from_dir(str(tmp_path))) as instance:
        yield instance


@pytest.fixture
def workspace(instance: DagsterInstance) -> Iterator[WorkspaceProcessContext]:
    target = PythonFileTarget(str(JOB_FILE), attribute=None, working_directory=str(REPOSITORY), location_name="test")
    with create_test_daemon_workspace_context(target, instance) as workspace:
        yield workspace


def until(condition: Callable[[], bool], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def start(instance: DagsterInstance, workspace: WorkspaceProcessContext, pid_file: Path) -> DagsterRun:
    """Launch the job in a process of its own and wait until it is at work."""
    request = workspace.create_request_context()
    location = request.get_code_location("test")
    remote = location.get_repository("__repository__").get_full_job("sleeping")
    run = instance.create_run_for_job(
        sleeping,
        run_config={"ops": {"wait": {"config": {"pid_file": str(pid_file)}}}},
        remote_job_origin=remote.get_remote_origin(),
        job_code_origin=remote.get_python_origin(),
    )
    instance.launch_run(run.run_id, request)
    until(lambda: pid_file.exists() and pid_file.read_text() != "")
    return run


def status(instance: DagsterInstance, run: DagsterRun) -> DagsterRunStatus:
    return instance.get_run_by_id(run.run_id).status


def monitor(workspace: WorkspaceProcessContext) -> None:
    assert [error for error in execute_run_monitoring_iteration(workspace, LOGGER) if error] == []


def test_the_instance_file_bounds_what_a_lost_worker_can_cost(instance: DagsterInstance) -> None:
    assert isinstance(instance.run_launcher, LocalRunLauncher)
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_poll_interval_seconds == 60
    assert instance.run_monitoring_max_runtime_seconds == 7200
    assert instance.run_retries_enabled
    assert instance.run_retries_max_retries == 2
    assert not instance.run_retries_retry_on_asset_or_op_failure
    assert instance.get_concurrency_config().pool_config.default_pool_limit == 1


def test_a_killed_worker_fails_its_run_which_is_tried_again_once_for_each_loss(
    instance: DagsterInstance, workspace: WorkspaceProcessContext, tmp_path: Path
) -> None:
    run = start(instance, workspace, tmp_path / "pid")
    worker = int((tmp_path / "pid").read_text().split()[0])
    assert worker_pid(instance, run.run_id) == worker
    monitor(workspace)
    assert status(instance, run) == DagsterRunStatus.STARTED
    os.kill(worker, signal.SIGKILL)
    until(lambda: status(instance, run) == DagsterRunStatus.FAILURE)
    for _ in range(2):
        list(consume_new_runs_for_automatic_reexecution(workspace, instance.get_run_records(), LOGGER))
    retries = [other for other in instance.get_runs() if other.run_id != run.run_id]
    assert [(retry.parent_run_id, retry.tags["dagster/retry_number"]) for retry in retries] == [(run.run_id, "1")]


def test_a_run_whose_worker_and_code_server_died_together_is_found_by_monitoring(
    instance: DagsterInstance, workspace: WorkspaceProcessContext, tmp_path: Path
) -> None:
    """As after a reboot: the record says STARTED, its process is gone, and so is whoever would have noticed."""
    run = start(instance, workspace, tmp_path / "pid")
    worker, server = map(int, (tmp_path / "pid").read_text().split())
    os.kill(server, signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    os.waitpid(server, 0)
    time.sleep(0.5)
    assert status(instance, run) == DagsterRunStatus.STARTED
    monitor(workspace)
    assert status(instance, run) == DagsterRunStatus.FAILURE
