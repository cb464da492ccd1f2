"""A full disk under features, losses or artifacts, or Feast's database away: one sentence, nothing half, a rerun."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dagster import ResourceDefinition
from polars.testing import assert_frame_equal
from rich.console import Console

from benchmarks.small_machine import FEATURES, HISTORY, IN_PROCESS, SmallMachine, small_machine
from cloud_optimizer.assets import patience
from cloud_optimizer.cli.materialize import Materializer
from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.partitions import Slice
from cloud_optimizer.resources.feature_store import FeatureStore
from cloud_optimizer.resources.warehouse import CHAMPIONS

CLUSTER, FAMILY = "web", "seasonal_naive_model"
FULL = r"The disk of \S+ is full, nothing was changed: make room, then run this again\."


@pytest.fixture(scope="module")
def machine() -> Iterator[SmallMachine]:
    home = Path(tempfile.mkdtemp(prefix="co-full-"))
    home.chmod(0o755)
    try:
        with small_machine(home, [CLUSTER], HISTORY.days, **IN_PROCESS) as machine:
            machine.ingest()
            yield machine
            machine.platform.feature_store.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SECONDS_BETWEEN", 0)


def newest(machine: SmallMachine) -> Slice:
    last = machine.everything[0].last
    return Slice(CLUSTER, last, last)


def run(machine: SmallMachine, *assets: str, **overrides: object) -> None:
    values = {name: ResourceDefinition.hardcoded_resource(value) for name, value in overrides.items()}
    job = build_defs(machine.platform.settings, values).resolve_implicit_global_asset_job_def()
    Materializer(job, machine.instance, Console(quiet=True)).run(assets, newest(machine), lambda _: None)


@contextmanager
def full_disk(folder: Path) -> Iterator[Path]:
    """Put a small disk in the place of a folder, filled by a file that is handed out to be removed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        ballast = folder / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(folder).free))
        yield ballast
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "ballast"]


def test_features_without_room_are_not_there_and_a_rerun_writes_them(machine: SmallMachine) -> None:
    part, store = newest(machine), machine.platform.feature_store
    before = store.read(CLUSTER, part.start, part.end)
    folder = machine.platform.settings.home / "features"
    with full_disk(folder) as ballast:
        with pytest.raises(CloudOptimizerError, match=FULL):
            run(machine, FEATURES)
        assert files(folder) == []
        ballast.unlink()
        run(machine, FEATURES)
        assert_frame_equal(store.read(CLUSTER, part.start, part.end), before)


@pytest.mark.parametrize("place", ["models", "evaluations"])
def test_a_training_without_room_promotes_nothing_and_a_rerun_does(machine: SmallMachine, place: str) -> None:
    part, platform = newest(machine), machine.platform
    before = platform.warehouse.read(CHAMPIONS, CLUSTER, part.first, part.next_day)
    versions = len(platform.model_registry.versions(CLUSTER, "cpu"))
    selection = (FAMILY, "model_comparison", "champion_model")
    with full_disk(platform.settings.home / place) as ballast:
        with pytest.raises(CloudOptimizerError, match=FULL):
            run(machine, *selection)
        assert_frame_equal(platform.warehouse.read(CHAMPIONS, CLUSTER, part.first, part.next_day), before)
        assert len(platform.model_registry.versions(CLUSTER, "cpu")) == versions
        assert platform.evaluations.read(CLUSTER, part.last).is_empty()
        ballast.unlink()
        run(machine, *selection)
        chosen = platform.warehouse.read(CHAMPIONS, CLUSTER, part.first, part.next_day)
        assert chosen["resource"].sort().to_list() == ["cpu", "memory"]
        model = platform.model_registry.versions(CLUSTER, "cpu")[0].model_id
        assert platform.model_registry.load_logged(model).name == "seasonal_naive"


def test_feast_away_is_one_sentence_within_seconds_and_a_rerun_makes_features_readable(machine: SmallMachine) -> None:
    root = machine.platform.settings.home / "features"
    away = FeatureStore("postgresql://nobody@127.0.0.1:9/feast", root)
    with pytest.raises(
        CloudOptimizerError, match=r"server at 127\.0\.0\.1, database feast cannot be reached .*: check that it"
    ):
        run(machine, "feature_store", feature_store=away)
    part = newest(machine)
    store = machine.platform.feature_store
    run(machine, "feature_store", feature_store=store)
    workload = store.read(CLUSTER, part.start, part.end)["workload_id"][0]
    found = store.online([(CLUSTER, workload)], "cloud_optimizer_inference", part.end)
    assert found["event_timestamp"].to_list() == [part.end]
