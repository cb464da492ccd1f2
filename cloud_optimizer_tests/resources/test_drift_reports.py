"""Evidently renders what the verdict found: on a sample, with methods named, and never on an empty column."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.resources.drift_reports import DriftReports, DriftReportSettings

DAY = date(2026, 3, 2)


def frame(rows: int, shift: float = 0.0) -> pl.DataFrame:
    random = np.random.default_rng(rows)
    return pl.DataFrame(
        {
            "cluster": ["c1"] * rows,
            "workload_id": ["w"] * rows,
            "timestamp": pl.Series([datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=i) for i in range(rows)]).cast(
                UTC_TIMESTAMP
            ),
            "cpu_mean": random.normal(5 + shift, 1, rows),
            "memory_mean": random.normal(5, 1, rows).astype(np.float32),
            "constant": [4.0] * rows,
            "requests": pl.Series([None] * rows, dtype=pl.Float64),
            "partly": pl.Series([None if i % 2 else float(i % 7) for i in range(rows)]),
            "state": pl.Series(random.choice(["on", "off"], rows)).cast(pl.Enum(["on", "off"])),
        }
    )


def metrics_of(path: Path) -> dict[str, object]:
    return {metric["metric_name"]: metric["value"] for metric in json.loads(path.read_text())["metrics"]}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    reports = DriftReports(tmp_path_factory.mktemp("reports"), DriftReportSettings(worst_columns=2))
    worst = ["requests", "cpu_mean", "state", "memory_mean"]
    files = reports.render("eu/a.b", DAY, "data", frame(3000), frame(2000, shift=3), worst=worst, html=True)
    assert files is not None
    assert files.html is not None
    return files.json, files.html


def test_the_json_holds_the_overview_and_the_worst_columns_with_explicit_methods(rendered: tuple[Path, Path]) -> None:
    metrics = metrics_of(rendered[0])
    overview = next(name for name in metrics if name.startswith("DriftedColumnsCount"))
    assert "num_method=psi" in overview
    assert "cat_method=jensenshannon" in overview
    assert metrics[overview]["count"] == 1
    plots = {name: value for name, value in metrics.items() if name.startswith("ValueDrift")}
    # all-null columns are left out, and two are shown at most
    assert [name.split("column=")[1].split(",")[0] for name in plots] == ["cpu_mean", "state"]
    assert next(iter(plots.values())) > 1
    assert json.loads(rendered[0].read_text())["rows"] == [3000, 2000]


def test_the_page_is_whole_and_lies_beside_the_numbers(rendered: tuple[Path, Path]) -> None:
    numbers, page = rendered
    assert (numbers.name, page.name, page.parent) == ("2026-03-02-data.json", "2026-03-02-data.html", numbers.parent)
    assert numbers.parent.name == "eu%2Fa%2Eb"
    assert page.read_text().rstrip().endswith("</html>")
    assert not list(numbers.parent.glob(".*"))


def test_large_frames_are_sampled_the_same_way_each_time(tmp_path: Path) -> None:
    reports = DriftReports(tmp_path, DriftReportSettings(sample_rows=300))
    texts = []
    for _ in range(2):
        files = reports.render("c1", DAY, "target", frame(2000), frame(1000), worst=["cpu_mean"])
        assert files is not None
        assert files.html is None
        texts.append(metrics_of(files.json))
        assert json.loads(files.json.read_text())["rows"] == [300, 300]
    assert texts[0] == texts[1]
    assert len(list((tmp_path / "c1").iterdir())) == 1


def test_nothing_known_on_both_sides_gives_no_report(tmp_path: Path) -> None:
    nothing = frame(20).select("cluster", "workload_id", "timestamp", "requests")
    assert DriftReports(tmp_path).render("c1", DAY, "data", nothing, nothing) is None
    assert DriftReports(tmp_path).render("c1", DAY, "data", frame(20), frame(20).clear()) is None
    assert list(tmp_path.iterdir()) == []


def test_importing_the_module_does_not_load_evidently() -> None:
    code = "import sys, cloud_optimizer.resources.drift_reports; print([m for m in sys.modules if 'evidently' in m])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() in {"[]", "['cloud_optimizer.resources.drift_reports']"}
