"""A trace as one panel, validated as the graph does it."""

import io
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from cloud_optimizer.cli.traces import load_panel
from cloud_optimizer.core.errors import InputError
from cloud_optimizer_tests.cli.tidy import START, write_trace

HOUR = timedelta(hours=1)


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_trace_is_one_panel_of_all_its_days_at_its_own_cadence(tmp_path: Path, console: Console) -> None:
    panel = load_panel(write_trace(tmp_path / "a.parquet", days=2), None, console)
    assert (panel.start, panel.end, panel.step) == (START, START + timedelta(days=2), HOUR)
    assert panel.workload_ids == ("vm-0", "vm-1", "vm-2", "vm-3")
    assert not np.isnan(panel["cpu_usage_cores_mean"]).any()
    assert "a: 192 samples of 4 workloads" in text(console)


def test_a_coarser_step_is_rolled_up(tmp_path: Path, console: Console) -> None:
    fine = load_panel(write_trace(tmp_path / "a.parquet", days=2, workloads=1), None, console)
    coarse = load_panel(tmp_path / "a.parquet", 6 * HOUR, console)
    usage = fine["cpu_usage_cores_mean"].reshape(1, -1, 6)
    np.testing.assert_allclose(coarse["cpu_usage_cores_mean"], usage.mean(axis=2), rtol=1e-6)
    np.testing.assert_allclose(coarse["cpu_usage_cores_max"], usage.max(axis=2), rtol=1e-6)


def test_workloads_of_several_clusters_are_told_apart(tmp_path: Path, console: Console) -> None:
    frame = pl.read_parquet(write_trace(tmp_path / "a.parquet", days=2, workloads=1))
    both = [frame.with_columns(cluster=pl.lit(name)) for name in ("eu", "us")]
    pl.concat(both).write_parquet(tmp_path / "b.parquet")
    assert load_panel(tmp_path / "b.parquet", None, console).workload_ids == ("eu/vm-0", "us/vm-0")


def test_what_was_rejected_is_counted_and_named(tmp_path: Path, console: Console) -> None:
    frame = pl.read_parquet(write_trace(tmp_path / "a.parquet", days=2, workloads=1))
    bad = pl.when(pl.col("timestamp") == START).then(-1.0).otherwise("cpu_usage_cores")
    frame.with_columns(cpu_usage_cores=bad).write_parquet(tmp_path / "bad.parquet")
    panel = load_panel(tmp_path / "bad.parquet", None, console)
    assert np.isnan(panel["cpu_usage_cores_mean"][0, 0])
    assert "1 quarantined (1 negative)" in text(console)


def test_a_trace_of_nothing_but_nonsense_is_refused(tmp_path: Path, console: Console) -> None:
    frame = pl.read_parquet(write_trace(tmp_path / "a.parquet", days=2, workloads=1))
    frame.with_columns(cpu_usage_cores=-1.0).write_parquet(tmp_path / "bad.parquet")
    with pytest.raises(InputError, match="holds no usable sample"):
        load_panel(tmp_path / "bad.parquet", None, console)
