"""The command as a person runs it: real processes on a real server, from a small trace to files and back."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl
import psycopg
import pytest
from typer.testing import CliRunner

from cloud_optimizer.cli.main import app
from cloud_optimizer.core.exports.formats import FORMATS
from cloud_optimizer.resources.postgres import EmbeddedPostgres
from cloud_optimizer.settings import load_settings
from cloud_optimizer_tests.cli.tidy import write_trace

DAYS = 29  # the fewest with an earlier training, so that there is a forecast to score
STAGES = 5

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Return a state folder whose server runs already: commands then neither start nor stop one."""
    folder = Path(tempfile.mkdtemp(prefix="co-cli-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder, settings={"fsync": "off"}).start()
    try:
        yield folder
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_trace(tmp_path_factory.mktemp("trace") / "shop.parquet", DAYS)


def line(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "cloud_optimizer.cli", *map(str, arguments)]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "CLOUD_OPTIMIZER_HOME": str(home), "OMP_NUM_THREADS": "1"}


def command(home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line(*arguments), env=environment(home), capture_output=True, text=True, check=False)


@contextmanager
def foreground(home: Path, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Start the command as a shell does: in a process group of its own, which Ctrl-C reaches as a whole."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        line(*arguments), env=environment(home), stdout=pipe, stderr=pipe, text=True, process_group=0
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run") / "results"


@pytest.fixture(scope="module")
def first(home: Path, trace: Path, output: Path) -> subprocess.CompletedProcess[str]:
    """The first run of everything."""
    done = command(home, "run", "--no-ui", "--trace", trace, "--output", output)
    assert done.returncode == 0, done.stderr
    return done


def test_a_run_prints_what_a_person_wants_to_know_and_nothing_on_stderr(
    first: subprocess.CompletedProcess[str],
) -> None:
    for title in ("Top savings", "Top risks", "accuracy of every model", "Drift", "Quarantined", "policies replayed"):
        assert title in first.stdout
    assert first.stderr == ""


def test_a_run_leaves_six_files_that_agree_in_pairs(first: subprocess.CompletedProcess[str], output: Path) -> None:
    assert first.returncode == 0
    names = ("accuracy", "forecasts", "recommendations")
    assert sorted(path.name for path in output.iterdir()) == sorted(
        f"{n}.{e}" for n in names for e in ("json", "parquet")
    )
    for name in names:
        frame, rows = pl.read_parquet(output / f"{name}.parquet"), json.loads((output / f"{name}.json").read_text())
        assert frame.height == len(rows) > 0
        assert list(rows[0]) == frame.columns
    assert rows[0]["options"][0]["rank"] == 1  # a list like everything else, not text
    recommendations = pl.read_parquet(output / "recommendations.parquet")
    newest = recommendations.filter(pl.col("date") == pl.col("date").max())
    assert sorted(newest["workload_id"]) == ["vm-0", "vm-1", "vm-2", "vm-3"]
    assert newest["cluster"].unique().to_list() == ["shop"]
    # demand is a sixth of the capacity: each machine has more than it needs
    assert (newest["recommended_cpu_cores"] < newest["current_cpu_cores"]).all()
    assert (newest["monthly_saving"] > 0).all()


def test_a_second_run_finds_everything_there(first: subprocess.CompletedProcess[str], home: Path, trace: Path) -> None:
    again = command(home, "run", "--no-ui", "--trace", trace)
    assert again.returncode == 0, again.stderr
    assert first.stdout.count("already there") == 0
    assert again.stdout.count("already there") == STAGES
    tables = first.stdout[first.stdout.index("Top savings") : first.stdout.index("Recommendations, forecasts")]
    assert again.stdout[again.stdout.index("Top savings") :].strip() == tables.strip()


def test_ctrl_c_during_a_run_is_one_sentence_and_keeps_what_was_finished(home: Path, tmp_path: Path) -> None:
    trace = write_trace(tmp_path / "kiosk.parquet", DAYS)
    with foreground(home, "run", "--no-ui", "--trace", trace) as process:
        assert process.stdout is not None
        begun = next(words for words in process.stdout if "telemetry to features" in words)
        time.sleep(3)  # the steps of the first training are at work
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "Interrupted.\n")
    assert stdout.startswith("kiosk: training as of ")
    assert stdout.endswith(": interrupted; what was finished is kept, the same command goes on from there\n")
    again = command(home, "ingest", "--trace", trace)
    assert "already there" not in begun
    assert "telemetry to features: already there" in again.stdout


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_that_is_offered_is_written(
    first: subprocess.CompletedProcess[str],
    home: Path,
    format_name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert first.returncode == 0
    monkeypatch.setenv("CLOUD_OPTIMIZER_HOME", str(home))
    load_settings.cache_clear()
    path = tmp_path / "out" / format_name
    shown = CliRunner().invoke(app, ["export", "--format", format_name])
    written = CliRunner().invoke(app, ["export", "--format", format_name, "--output", str(path)])
    load_settings.cache_clear()
    assert (shown.exit_code, written.exit_code) == (0, 0)
    assert path.read_text() == shown.output
    assert all(f"vm-{number}" in shown.output for number in range(4))


def test_telemetry_that_fails_validation_ends_with_1_and_one_sentence_also_the_second_time(
    home: Path, trace: Path, tmp_path: Path
) -> None:
    nonsense = pl.read_parquet(trace).head(48).with_columns(cpu_usage_cores=pl.lit(-1.0))
    nonsense.write_parquet(tmp_path / "broken.parquet")
    for _ in range(2):
        done = command(home, "run", "--no-ui", "--trace", tmp_path / "broken.parquet")
        assert done.returncode == 1
        assert done.stderr.startswith("Error: Blocking checks stopped the run for cluster broken, 2026-03-01 to")
        assert done.stderr.count("\n") == 1
        assert "Top savings" not in done.stdout


def test_a_trace_that_cannot_be_read_is_one_line_and_leaves_nothing(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "half.csv"
    path.write_text("timestamp,workload_id,cpu_usage_cores\n2026-03-01T00:00:00Z,a,1\n2026-03-01T01:00:00Z,a,many\n")
    done = command(home, "ingest", "--trace", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "half.csv, column cpu_usage_cores, row 2" in done.stderr
    assert done.stderr.count("\n") == 1
    with psycopg.connect(EmbeddedPostgres(home).uri()) as connection:
        registered = connection.execute("SELECT cluster FROM telemetry_sources WHERE cluster = 'half'").fetchall()
    assert registered == []


def test_migrating_twice_is_safe_and_another_home_is_not_disturbed(home: Path) -> None:
    other = Path(tempfile.mkdtemp(prefix="co-cli-"))
    other.chmod(0o755)
    try:
        for _ in range(2):
            done = command(other, "migrate")
            assert (done.returncode, done.stdout, done.stderr) == (0, "The database schema is up to date.\n", "")
            assert not EmbeddedPostgres(other).is_running()  # what the command started it also stopped
        assert EmbeddedPostgres(home).is_running()
        assert command(other, "export").stdout.count("\n") == 1  # a header: the recommendations are those of `home`
    finally:
        EmbeddedPostgres(other).stop()
        shutil.rmtree(other, ignore_errors=True)
