"""Speed of the feature store on the embedded server: online reads beside Feast's own, writes, training sets.

python -m benchmarks.bench_feature_store [--workloads 1000] [--output FILE.json]
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

from benchmarks.results import Measure, measured, tell
from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.features.build import feature_frame
from cloud_optimizer.core.features.registry import FEATURES, OBSERVATIONS, WARMUP
from cloud_optimizer.core.features.views import SERVICES
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.resources.feature_store import FeatureStore
from cloud_optimizer.resources.postgres import EmbeddedPostgres

START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 3
CLUSTER = "bench"
INFERENCE, REALTIME = "cloud_optimizer_inference", "cloud_optimizer_realtime"


def main() -> int:
    """Run every part and print the table; the exit status is 0 when all goals hold."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="co-bench-") as folder:
        server = EmbeddedPostgres(Path(folder)).start()
        store = FeatureStore(server.uri("cloud_optimizer"), Path(folder) / "features")
        try:
            rows = [*_writes(store, arguments.workloads), *_reads(store, arguments.repeats), *_joins(store)]
        finally:
            store.close()
            server.stop()
    return tell(rows, arguments.output)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Speed of the feature store beside Feast's own reads.")
    parser.add_argument("--workloads", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=100, help="of online reads; the median counts")
    parser.add_argument("--output", type=Path, help="JSON file of the results")
    return parser.parse_args()


def _writes(store: FeatureStore, workloads: int) -> list[Measure]:
    random = np.random.default_rng(1)
    shape = (workloads, (WARMUP.days + DAYS) * 24)
    columns = {name: random.gamma(4, 0.25, shape).astype(np.float32) for name in OBSERVATIONS}
    panel = Panel(tuple(f"w{number:05d}" for number in range(workloads)), START, HOUR, columns)
    frame = feature_frame(panel, CLUSTER, START + WARMUP, panel.end)
    applied = _seconds(store.apply)
    again = median(_seconds(store.apply) for _ in range(5))
    parquet = _seconds(lambda: store.write(CLUSTER, frame))
    store.write_online(CLUSTER, frame)
    online = median(_seconds(lambda: store.write_online(CLUSTER, frame)) for _ in range(3))
    end = START + WARMUP + timedelta(days=DAYS)
    read = _seconds(lambda: store.read(CLUSTER, START + WARMUP, end))
    size = sum(path.stat().st_size for path in store.root.rglob("*.parquet")) / frame.height / len(FEATURES)
    return [
        measured("store: apply the first time, with Feast's import", applied, "s", "", True),
        measured("store: apply when nothing changed", again * 1e3, "ms", "<= 100", again <= 0.1),
        measured("store: write Parquet", frame.height / parquet, "rows/s", "", True),
        measured("store: read Parquet, all columns", frame.height / read, "rows/s", "", True),
        measured("store: bytes a value in Parquet (4 in memory)", size, "bytes", "", True),
        measured(f"store: write the newest rows of {workloads:,} workloads online", online, "s", "", True),
    ]


def _reads(store: FeatureStore, repeats: int) -> list[Measure]:
    target = START + WARMUP + timedelta(days=DAYS)
    rows = []
    for service, count, limit in ((INFERENCE, 1, 3), (INFERENCE, 100, 30), (REALTIME, 1, 3), (REALTIME, 100, 30)):
        pairs = [(CLUSTER, f"w{number:05d}") for number in range(count)]
        time_of_target = target if service == INFERENCE else None
        own = _median(lambda p=pairs, s=service, t=time_of_target: store.online(p, s, t), repeats)
        feast = _median(lambda p=pairs, s=service, t=time_of_target: store.catalogue.online(p, s, t), 5)
        title = f"online: {service.rpartition('_')[2]} ({len(SERVICES[service])} features), {count} workloads"
        rows += [
            measured(f"{title}: p50", own * 1e3, "ms", f"<= {limit}", own * 1e3 <= limit),
            measured(f"{title}: Feast's own", feast * 1e3, "ms", "", True),
        ]
    return rows


def _joins(store: FeatureStore, count: int = 100_000) -> list[Measure]:
    random = np.random.default_rng(2)
    minutes = random.integers(0, DAYS * 24 * 60, count)
    entities = pl.DataFrame(
        {
            "cluster": CLUSTER,
            "workload_id": pl.Series(random.integers(0, 1000, count))
            .cast(pl.String)
            .str.zfill(5)
            .str.replace("^", "w"),
            "event_timestamp": pl.Series(minutes).cast(pl.Duration("us")) * 60_000_000 + START + WARMUP,
        }
    )
    names = [spec.name for spec in FEATURES][:60]
    seconds = min(_seconds(lambda: store.training_set(entities, names)) for _ in range(3))
    return [measured(f"training set: {count:,} rows x 60 features", seconds, "s", "", True)]


def _median(work: Callable[[], object], repeats: int) -> float:
    work()
    return median(_seconds(work) for _ in range(repeats))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
