"""`backtest` and `replay` on a small trace: the JSON that the issues ask for, and mistakes told before the work."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from cloud_optimizer.cli import offline
from cloud_optimizer.cli.offline import parse_step
from cloud_optimizer.cli.tables import PIPE_WIDTH
from cloud_optimizer.core.errors import InputError
from cloud_optimizer_tests.cli.tidy import call, write_trace

BACKTEST_KEYS = [
    "model",
    "target",
    "mase",
    "wape",
    "wape_median",
    "wql",
    "coverage_80",
    "coverage_95",
    "fit_seconds",
    "predict_seconds",
    "series",
    "windows",
]
REPLAY_KEYS = {
    "policy",
    "provision",
    "slack",
    "violating_observations",
    "unmet_volume",
    "violating_workload_days",
    "changes_per_workload_day",
    "provision_at_1pct",
    "provision_at_0_1pct",
    "regret",
}
TARGETS = {"cpu_mean", "cpu_peak", "memory_mean", "memory_peak"}


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_trace(tmp_path_factory.mktemp("trace") / "small.parquet", days=24, workloads=2)


def test_a_backtest_is_one_object_a_model_and_target_naive_ones_beside(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trace: Path, tmp_path: Path
) -> None:
    output = tmp_path / "new" / "backtest.json"
    options = ("--step", "1h", "--horizon", "24", "--models", "seasonal_naive, last_value", "--origins", "2")
    assert call(monkeypatch, "backtest", "--trace", trace, *options, "--output", output) == 0
    rows: list[dict[str, Any]] = json.loads(output.read_text())
    assert all(list(row) == BACKTEST_KEYS for row in rows)
    models = {row["model"] for row in rows}
    assert {"seasonal_naive", "last_value"} < models
    assert any(model.startswith("naive_") for model in models)
    assert len(rows) == len(models) * len(TARGETS)
    assert {row["target"] for row in rows} == TARGETS
    assert {(row["series"], row["windows"]) for row in rows} == {(2, 2)}
    assert all(0 < row["wape"] < 2 and 0 <= row["coverage_80"] <= row["coverage_95"] <= 1 for row in rows)
    shown = capsys.readouterr().out
    assert "Backtest of small.parquet: 24 x 1h from 2 origins" in shown
    assert "seasonal_naive" in shown
    assert [path.name for path in output.parent.iterdir()] == ["backtest.json"]


def test_a_replay_is_one_object_a_policy_with_a_page_beside(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trace: Path, tmp_path: Path
) -> None:
    output, report = tmp_path / "replay.json", tmp_path / "pages" / "replay.html"
    options = ("--resource", "memory", "--cadence", "daily", "--policies", "static,oracle_daily,cloud_optimizer")
    assert call(monkeypatch, "replay", "--trace", trace, *options, "--output", output, "--report", report) == 0
    rows: list[dict[str, Any]] = json.loads(output.read_text())
    assert [row["policy"] for row in rows] == ["static", "oracle_daily", "cloud_optimizer"]
    assert all(row.keys() >= REPLAY_KEYS for row in rows)
    assert rows[0]["provision"] == 1.0
    assert rows[1]["violating_observations"] == 0.0
    low, high = rows[2]["intervals"]["provision"]
    assert low <= rows[2]["provision"] <= high
    shown = capsys.readouterr().out
    assert "Replay of small.parquet: memory, daily decisions" in shown
    assert "[" in shown  # intervals
    assert "cloud_optimizer" in report.read_text()


def test_a_replay_says_which_policy_it_is_at_and_breaks_no_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trace: Path
) -> None:
    names = ["kruize_performance", "seasonal_naive_p95", "krr_simple_limit"]
    monkeypatch.setattr(
        offline, "make_console", lambda: Console(width=PIPE_WIDTH, force_terminal=True, color_system=None)
    )
    assert call(monkeypatch, "replay", "--trace", trace, "--policies", ",".join(names)) == 0
    progress, table = capsys.readouterr().out.split("Replay of small.parquet")
    assert [name in progress for name in names] == [True] * 3
    assert [name in table for name in names] == [True] * 3


@pytest.mark.parametrize(
    ("command", "content", "words"),
    [
        ("backtest", None, "trace.csv does not exist"),
        ("backtest", "", "trace.csv is empty"),
        ("replay", "timestamp,workload_id,cpu_usage_cores\n", "trace.csv has a header but no rows"),
        (
            "replay",
            "timestamp,workload_id,cpu_usage_cores\n2026-03-01T00:00:00Z,a,1\nyesterday,a,2\n",
            "trace.csv, column timestamp, row 2: 'yesterday' is not a timestamp",
        ),
        ("backtest", "when,who\n2026-03-01,a\n", "trace.csv"),
    ],
    ids=["missing", "empty", "no rows", "bad timestamp", "wrong columns"],
)
def test_a_trace_that_cannot_be_used_is_one_line_with_file_column_and_row(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: str,
    content: str | None,
    words: str,
) -> None:
    path = tmp_path / "trace.csv"
    if content is not None:
        path.write_text(content)
    output = tmp_path / "out.json"
    assert call(monkeypatch, command, "--trace", path, "--output", output) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not output.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("backtest", "--models", "prophet"), "There is no model prophet: choose from seasonal_naive"),
        (("backtest", "--step", "soon"), "The step 'soon' is not understood"),
        (("backtest", "--step", "5m"), "5:00"),
        (("replay", "--policies", "magic"), "no policy 'magic': choose from static"),
        (("replay", "--raise-within-hour"), "give --cadence hourly with it"),
        (("replay", "--output", "FILE/x.json"), "cannot be written to: it is a file"),
        (("replay", "--output", "same", "--report", "same"), "both name same: give each a file of its own"),
        (("replay", "--report", "FOLDER"), "cannot be written: it is a folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_option_that_cannot_be_used_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    trace: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    words: str,
) -> None:
    (tmp_path / "file").touch()
    places = {"FILE": str(tmp_path / "file"), "FOLDER": str(tmp_path)}
    given = [next((a.replace(k, v) for k, v in places.items() if k in a), a) for a in arguments]
    assert call(monkeypatch, given[0], "--trace", trace, *given[1:]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_a_resource_that_the_trace_does_not_have_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trace: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cpu.parquet"
    pl.read_parquet(trace).select("timestamp", "workload_id", "^cpu_.*$").write_parquet(path)
    assert call(monkeypatch, "replay", "--trace", path, "--resource", "memory") == 2
    assert (
        capsys.readouterr().err == "Error: a replay of memory needs usage and capacity, and the data nowhere has both\n"
    )


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("5m", timedelta(minutes=5)),
        ("1h", timedelta(hours=1)),
        ("300s", timedelta(minutes=5)),
        ("24h", timedelta(days=1)),
    ],
)
def test_a_step_is_a_number_and_a_unit(text: str, step: timedelta) -> None:
    assert parse_step(text) == step


@pytest.mark.parametrize("text", ["", "h", "5", "5 m", "-5m", "1.5h", "0h", "30s", "25h", "5d", "²h"])
def test_any_other_step_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="The step"):
        parse_step(text)
