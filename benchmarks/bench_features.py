"""Speed of the feature build beside its peers and its limit, all in one run on the same values.

    python -m benchmarks.bench_features [--workloads 1000] [--output FILE.json]

Peers: pandas groupby/rolling and straightforward Polars `.over` compute every feature, mlforecast the lags, rolling and
same-hour statistics of the four forecast series (the only ones it has). Limit: writing the output once to memory.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.feature_peers import build_with_pandas, build_with_polars, mlforecast_transforms
from benchmarks.results import Measure, measured, tell
from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.features.build import build_features
from cloud_optimizer.core.features.registry import BUILT, OBSERVATIONS, SIZED, WARMUP
from cloud_optimizer.core.panel import Panel

STEPS = 2016  # 84 days of hours
START = datetime(2025, 1, 1, tzinfo=UTC)


def main() -> int:
    """Run every part and print the table; the exit status is 0 when all goals hold."""
    arguments = _arguments()
    build_features(_fleet(2, 400), threads=arguments.threads)  # compiles
    rows = [
        *_incremental(arguments.workloads, arguments.threads, arguments.repeats),  # before memory is fragmented
        *_growth(arguments.workloads // 5, arguments.threads, arguments.repeats),
        *_peers(arguments.workloads, arguments.threads, arguments.repeats),
    ]
    return tell(rows, arguments.output)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Speed of the feature build beside its peers.")
    parser.add_argument("--workloads", type=int, default=1000, help=f"of {STEPS} hours each")
    parser.add_argument("--threads", type=int, default=2, help="of every contender that takes threads")
    parser.add_argument("--repeats", type=int, default=3, help="of the build; the best counts")
    parser.add_argument("--output", type=Path, help="JSON file of the results")
    return parser.parse_args()


def _growth(workloads: int, threads: int, repeats: int) -> list[Measure]:
    """Time and memory of a tenfold frame: of a fifth of the workloads, so that ten times as much fits into memory.

    The kernel clears every page of the output before it is written; on a busy or virtual machine that grows faster
    than the output, so the computing is also measured alone (user CPU).
    """
    small = _fleet(workloads, STEPS)
    once, computed = _best_and_computing(lambda: build_features(small, threads=threads), repeats)
    large = _fleet(workloads * 10, STEPS)
    before = _peak_bytes(anew=True)
    tenfold, computed_tenfold = _best_and_computing(lambda: build_features(large, threads=threads), repeats)
    output = len(BUILT) * workloads * 10 * STEPS * 4
    memory = (_peak_bytes() - before) / output
    linear = computed_tenfold / computed
    return [
        measured("build: time for 10 times the rows", tenfold / once, "x", "<= 11", tenfold <= 11 * once),
        measured("build: computing for 10 times the rows (user CPU)", linear, "x", "<= 11", linear <= 11),
        measured("build: peak memory beside the input", memory, "outputs", "<= 2.5", memory <= 2.5),
    ]


def _incremental(workloads: int, threads: int, repeats: int) -> list[Measure]:
    panel = _fleet(workloads, (60 + WARMUP.days) * 24)
    day = panel.end - timedelta(days=1)
    whole = _best(lambda: build_features(panel, panel.start + WARMUP, threads), repeats)
    one = _best(lambda: build_features(panel.window(day - WARMUP, panel.end), day, threads), repeats * 5)
    return [
        measured("build: 60 days", whole, "s", "", True),
        measured("build: one new day, share of 60 days", one / whole, "", "<= 1/20", one <= whole / 20),
    ]


def _peers(workloads: int, threads: int, repeats: int) -> list[Measure]:
    panel = _fleet(workloads, STEPS)
    count = workloads * STEPS
    own = _best(lambda: build_features(panel, threads=threads), repeats)
    floor = _best(lambda: np.empty((len(BUILT), workloads, STEPS), np.float32).fill(1), repeats)
    forecast, features = _mlforecast(panel, threads)
    polars = _polars(panel)
    pandas = _pandas(panel)
    return [
        measured(f"build: {len(BUILT)} features of {count:,} rows", count / own, "rows/s", "", True),
        measured("build: seconds", own, "s", "", True),
        measured("build: beside writing the output once to memory", own / floor, "x", "", True),
        measured("pandas: seconds beside ours", pandas / own, "x", ">= 20", pandas >= 20 * own),
        measured("Polars .over: seconds beside ours", polars / own, "x", ">= 5", polars >= 5 * own),
        measured(f"mlforecast, {features} features: beside ours", forecast / own, "x", ">= 2", forecast >= 2 * own),
    ]


def _mlforecast(panel: Panel, threads: int) -> tuple[float, int]:
    """Return seconds and number of features; gaps are filled with 0 first, because mlforecast refuses them."""
    frame = panel.to_frame(SIZED)
    series = pl.concat(
        frame.select(pl.format(f"{name}/{{}}", "workload_id").alias("unique_id"), ds="timestamp", y=name)
        for name in SIZED
    ).with_columns(pl.col("ds").dt.replace_time_zone(None), pl.col("y").fill_null(0))
    transform, features = mlforecast_transforms(threads)
    transform(series.head(STEPS * 2))
    return _best(lambda: transform(series), 1), features * len(SIZED)


def _polars(panel: Panel) -> float:
    frame = panel.to_frame()
    return _best(lambda: build_with_polars(frame), 1)


def _pandas(panel: Panel) -> float:
    frame = panel.to_frame().to_pandas()
    return _best(lambda: build_with_pandas(frame), 1)


def _fleet(workloads: int, steps: int) -> Panel:
    """Return workloads with a daily rhythm, noise and 3 % of gaps."""
    random = np.random.default_rng(1)
    rhythm = 2 + np.sin(2 * np.pi * np.arange(steps, dtype=np.float32) / 24)
    columns = {}
    for name in OBSERVATIONS:
        values = random.gamma(4, 0.25, (workloads, steps)).astype(np.float32) * rhythm
        values[random.random((workloads, steps), np.float32) < 0.03] = np.nan
        columns[name] = values * np.float32(1e9) if "bytes" in name else values
    return Panel(tuple(f"w{number:05d}" for number in range(workloads)), START, HOUR, columns)


def _best(work: Callable[[], object], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _best_and_computing(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Return the best wall time and the least user CPU time, in seconds."""
    wall, computing = [], []
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        wall.append(_best(work, 1))
        computing.append(resource.getrusage(resource.RUSAGE_SELF).ru_utime - before)
    return min(wall), min(computing)


def _peak_bytes(anew: bool = False) -> int:
    """Return the most memory that this process has held, since now where it is to be counted anew."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5")  # Linux: sets the high-water mark to what is held now
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


if __name__ == "__main__":
    sys.exit(main())
