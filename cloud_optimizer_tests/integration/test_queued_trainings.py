"""Many trainings queued at once, each a process: all finish, and MLflow holds one run of its own for each of them."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from benchmarks.small_machine import HISTORY, SmallMachine, run_queued, side_by_side, small_machine, trainings


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallMachine]:
    home = Path(tempfile.mkdtemp(prefix="co-queue-"))
    home.chmod(0o755)
    monkeypatch.setenv("CLOUD_OPTIMIZER_HOME", str(home))  # of the code server and its runs
    try:
        with small_machine(home, ("batch", "web"), HISTORY.days, **side_by_side(2)) as machine:
            yield machine
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_trainings_queued_at_once_all_finish_and_share_no_mlflow_run(machine: SmallMachine) -> None:
    machine.ingest()
    wanted = trainings(machine, ["seasonal_naive_model"], days=2)
    assert run_queued(machine, wanted, seconds=180) == {DagsterRunStatus.SUCCESS: len(wanted)}
    assert machine.mlflow_runs() == Counter(wanted)
