r"""Speed of the warehouse beside its limits, measured in the same run on the same server.

    python -m benchmarks.bench_warehouse [--output FILE.json]

Ingestion: the rate of `Warehouse.replace` into the day-partitioned, logged, indexed table against psql's `\copy` of
the same rows from CSV into an unindexed, unlogged table. Reading: 30 days of a cluster as a Polars frame against a
binary COPY of the same rows to /dev/null. Queries: 95th percentile of every analytical query with 1 and 10 million
raw samples.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

from benchmarks.results import Measure, measured, tell
from cloud_optimizer.core.contracts import MEASURES, QUANTILE_LEVELS, ROLLUP_MEASURES, TARGETS, UTC_TIMESTAMP
from cloud_optimizer.core.contracts import quantile_column as quantile
from cloud_optimizer.resources.postgres import EmbeddedPostgres, create_databases
from cloud_optimizer.resources.postgres.migrations import migrate
from cloud_optimizer.resources.postgres.server_process import binaries
from cloud_optimizer.resources.warehouse import (
    ACCURACY,
    CLEAN_SAMPLES,
    DRIFT,
    FORECASTS,
    HOURS,
    RAW_SAMPLES,
    Warehouse,
    query_names,
)

FIRST_DAY = date(2025, 1, 1)
DAYS = 30
END_DAY = FIRST_DAY + timedelta(days=DAYS)
STEPS_A_DAY = 288
PEER = (
    "SET client_min_messages = error; DROP TABLE IF EXISTS peer;"
    "CREATE UNLOGGED TABLE peer AS SELECT * FROM raw_workload_metrics WHERE false"
)
DUMP = "COPY (SELECT * FROM raw_workload_metrics WHERE cluster = 'fleet') TO '/dev/null' (FORMAT binary)"
WORKLOADS_A_CLUSTER = 116  # 116 * 30 * 288 = 1.002 million samples


def main() -> int:
    """Print each line of the table as it is known; the exit status is 0 when all goals hold."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="co-bench-") as folder:
        Path(folder).chmod(0o755)  # for the user that root runs the server as
        server = EmbeddedPostgres(Path(folder)).start()
        try:
            return tell(_measure(server, Path(folder), arguments), arguments.output)
        finally:
            server.stop()


def _measure(server: EmbeddedPostgres, folder: Path, arguments: argparse.Namespace) -> Iterator[Measure]:
    if "copy" in arguments.parts:
        yield from _ingestion(server, folder, arguments.workloads, arguments.repeats)
    if "queries" in arguments.parts:
        yield from _queries(server, arguments.clusters, arguments.query_repeats)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Speed of the warehouse beside its limits.")
    parser.add_argument(
        "--workloads", type=int, default=580, help="of the ingestion, 8,640 samples each (580: 5 million)"
    )
    parser.add_argument("--clusters", type=int, default=10, help="of the queries, a million samples each")
    parser.add_argument("--repeats", type=int, default=1, help="of ingestion and reading; the median counts")
    parser.add_argument("--query-repeats", type=int, default=20)
    parser.add_argument("--parts", nargs="+", choices=("copy", "queries"), default=("copy", "queries"))
    parser.add_argument("--output", type=Path, help="JSON file of the results")
    return parser.parse_args()


def _ingestion(server: EmbeddedPostgres, folder: Path, workloads: int, repeats: int) -> Iterator[Measure]:
    url = _database(server, "ingestion")
    warehouse = Warehouse(url)
    samples = _samples("fleet", workloads)
    clean = samples.with_columns(state=pl.lit("on"), sample_count=pl.lit(1, pl.UInt32))
    csv = folder / "samples.csv"
    samples.write_csv(csv)
    copied, loaded, replaced, cleaned = [], [], [], []
    for _ in range(repeats):
        _psql(url, PEER)
        copied.append(_seconds(lambda: _psql(url, f"\\copy peer FROM '{csv}' CSV HEADER")))
        _psql(url, "TRUNCATE raw_workload_metrics, workload_metrics")
        loaded.append(_seconds(lambda: warehouse.replace("fleet", FIRST_DAY, END_DAY, {RAW_SAMPLES: samples})))
        replaced.append(_seconds(lambda: warehouse.replace("fleet", FIRST_DAY, END_DAY, {RAW_SAMPLES: samples})))
        cleaned.append(_seconds(lambda: warehouse.replace("fleet", FIRST_DAY, END_DAY, {CLEAN_SAMPLES: clean})))
    csv.unlink()
    limit = samples.height / median(copied)
    own = {
        "raw samples into an empty table": loaded,
        "raw samples over the same rows": replaced,
        "clean samples, with a primary key": cleaned,
    }
    rates = {name: samples.height / median(seconds) for name, seconds in own.items()}
    yield from [
        measured("ingestion: psql \\copy, unindexed and unlogged", limit, "rows/s", "", True),
        *(
            measured(f"ingestion: {n}", rate, "rows/s", ">= 0.5 of \\copy", rate >= 0.5 * limit)
            for n, rate in rates.items()
        ),
    ]
    yield from _reading(warehouse, samples.height, repeats + 2)


def _reading(warehouse: Warehouse, count: int, repeats: int) -> Iterator[Measure]:
    dumped, read = [], []
    for _ in range(repeats):
        dumped.append(_seconds(lambda: _psql(warehouse.url, DUMP)))
        read.append(_seconds(lambda: warehouse.read(RAW_SAMPLES, "fleet", FIRST_DAY, END_DAY)))
    limit, own = count / median(dumped), count / median(read)
    yield from [
        measured("reading: binary COPY to /dev/null", limit, "rows/s", "", True),
        measured("reading: 30 days of a cluster as a frame", own, "rows/s", ">= 0.5 of COPY", own >= 0.5 * limit),
    ]


def _queries(server: EmbeddedPostgres, clusters: int, repeats: int) -> Iterator[Measure]:
    """Time the same question about one cluster where it is alone and where it is one of many, in turn."""
    alone, many = (Warehouse(_database(server, name)) for name in ("alone", "many"))
    _load(alone, "cluster-0")
    for number in range(clusters):
        _load(many, f"cluster-{number}")
    for name in query_names():
        few, all_of_them = _times(alone, many, name, repeats)
        p95 = float(np.quantile(all_of_them, 0.95)) * 1000
        ratio = median(all_of_them) / median(few)
        yield measured(f"query {name}", p95, "ms p95", "< 100 ms", p95 < 100)
        yield measured(f"query {name}, {clusters} M / 1 M samples", ratio, "times", "<= 2", ratio <= 2)
        asked = [_seconds(lambda: many.query(name)) for _ in range(repeats)]  # noqa: B023 - called at once
        p95 = float(np.quantile(asked, 0.95)) * 1000
        yield measured(f"query {name}, all clusters", p95, "ms p95", "< 100 ms", p95 < 100)


def _times(alone: Warehouse, many: Warehouse, name: str, repeats: int) -> tuple[list[float], list[float]]:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats + 1):
        for warehouse, taken in zip((alone, many), times, strict=True):
            taken.append(_seconds(lambda: warehouse.query(name, cluster="cluster-0")))  # noqa: B023 - called at once
    return times[0][1:], times[1][1:]  # the first ones open connections


def _load(warehouse: Warehouse, cluster: str) -> None:
    """Load what a cluster has after 30 days: samples, roll-up, forecasts of two models, accuracy, drift."""
    frames = {
        RAW_SAMPLES: _samples(cluster, WORKLOADS_A_CLUSTER),
        HOURS: _hours(cluster),
        FORECASTS: _forecasts(cluster),
    }
    warehouse.replace(cluster, FIRST_DAY, END_DAY, {**frames, ACCURACY: _accuracy(cluster), DRIFT: _drift(cluster)})


def _grid(cluster: str, workloads: int, step: timedelta) -> pl.DataFrame:
    steps = DAYS * 86400 // int(step.total_seconds())
    start = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
    times = pl.datetime_range(start, interval=step, end=start + DAYS * timedelta(days=1), closed="left", eager=True)
    names = pl.Series([f"workload-{number:05d}" for number in range(workloads)])
    return pl.DataFrame(
        {
            "cluster": pl.repeat(cluster, workloads * steps, eager=True),
            "workload_id": names.gather(np.repeat(np.arange(workloads), steps)),
            "timestamp": times.cast(UTC_TIMESTAMP).gather(np.tile(np.arange(steps), workloads)),
        }
    )


def _measures(frame: pl.DataFrame, names: tuple[str, ...], seed: int = 0) -> pl.DataFrame:
    """Add positive measures of four decimals: full mantissas would make the text of the CSV needlessly long."""
    generator = np.random.default_rng(seed)
    return frame.with_columns(**{name: pl.Series(generator.gamma(2.0, 3.0, frame.height).round(4)) for name in names})


def _samples(cluster: str, workloads: int) -> pl.DataFrame:
    return _measures(_grid(cluster, workloads, timedelta(minutes=5)), MEASURES)


def _hours(cluster: str) -> pl.DataFrame:
    counts = {"on_count": 12, "off_count": 0, "expected_count": 12}
    return _measures(_grid(cluster, WORKLOADS_A_CLUSTER, timedelta(hours=1)), ROLLUP_MEASURES).with_columns(
        **{name: pl.lit(value, pl.UInt32) for name, value in counts.items()},
        cpu_capacity_cores=pl.lit(64.0),
        memory_capacity_bytes=pl.lit(64.0),
    )


def _forecasts(cluster: str) -> pl.DataFrame:
    hours = _grid(cluster, WORKLOADS_A_CLUSTER, timedelta(hours=1)).filter(pl.col("timestamp").dt.date() > FIRST_DAY)
    targets = pl.DataFrame({"target": [target.name for target in TARGETS]})
    models = pl.DataFrame({"model": ["seasonal_naive", "lightgbm"]})
    keyed = (
        hours.join(targets, how="cross")
        .join(models, how="cross")
        .with_columns(origin=pl.col("timestamp").dt.truncate("1d"), model_version=pl.lit("1"))
    )
    return _measures(keyed, tuple(map(quantile, QUANTILE_LEVELS)))


def _accuracy(cluster: str) -> pl.DataFrame:
    return _daily(
        ACCURACY.schema, cluster, {"target": [t.name for t in TARGETS], "model": ["seasonal_naive", "lightgbm"]}
    )


def _drift(cluster: str) -> pl.DataFrame:
    return _daily(DRIFT.schema, cluster, {"kind": ["data"], "column": [f"feature-{n}" for n in range(60)]})


def _daily(schema: pl.Schema, cluster: str, keys: Mapping[str, list[str]]) -> pl.DataFrame:
    frame = pl.DataFrame({"date": pl.date_range(FIRST_DAY, END_DAY, closed="left", eager=True)})
    for name, values in keys.items():
        frame = frame.join(pl.DataFrame({name: values}), how="cross")
    fill = {pl.String: "x", pl.Boolean: False, pl.UInt32: 100}
    missing = {
        name: pl.lit(cluster if name == "cluster" else fill.get(type(dtype), 0.1), dtype)
        for name, dtype in schema.items()
        if name not in frame.columns
    }
    return frame.with_columns(**missing)


def _database(server: EmbeddedPostgres, name: str) -> str:
    create_databases(server.uri("postgres"), (name,))
    migrate(server.uri(name))
    return server.uri(name)


def _psql(url: str, command: str) -> None:
    subprocess.run([str(binaries() / "psql"), url, "-q", "-c", command], check=True)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
