"""Orchestration at scale: many trainings queued at once, and what one partition of a backfill costs beyond its work.

python -m benchmarks.bench_automation [--quick] [--output FILE.json]
"""

import argparse
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final, TypeVar

from benchmarks.boundary import Boundary
from benchmarks.results import Measure, Report, measured

Found = TypeVar("Found")

PACKAGES: Final = ("cloud_optimizer.core", "cloud_optimizer.resources")
FAMILIES: Final = ("seasonal_naive_model", "lightgbm_model")
AT_ONCE: Final = 2
SECONDS_PER_TRAINING: Final = 60
TEXT: Final = """\
*Trainings*: {trainings} runs of {families}, each as of another day or cluster of two workloads in hourly samples, are
queued at once; Dagster's queue daemon launches them as processes, {at_once} at a time. An MLflow run is counted by the
asset, cluster and day that it says it is of. *Backfill*: {days} days of {clusters} clusters from telemetry to features,
requested as the UI does and driven by Dagster's backfill daemon, with the runs in its process. Overhead is the time
outside of `core` and `resources`; the start of a process for each run is added as it was measured on the trainings.
"""


@dataclass(frozen=True)
class Size:
    """How much is run."""

    clusters: int
    training_days: int
    families: tuple[str, ...]
    backfill_days: int

    @property
    def trainings(self) -> int:
        """Runs that are queued at once."""
        return self.clusters * self.training_days * len(self.families)


FULL: Final = Size(clusters=5, training_days=10, families=FAMILIES, backfill_days=90)
QUICK: Final = Size(clusters=2, training_days=2, families=FAMILIES[:1], backfill_days=20)


@dataclass(frozen=True)
class Queued:
    """How trainings that were queued at once ended.

    Args:
        wanted: Trainings, all different.
        succeeded: Runs that did.
        recorded: MLflow runs of each training.
        seconds: From the first one queued to the end of the last.
        start_seconds: Mean time from the launch of a process to its first event.
    """

    wanted: Counter[tuple[str, str, str]]
    succeeded: int
    recorded: Counter[tuple[str, str, str]]
    seconds: float
    start_seconds: float


@dataclass(frozen=True)
class Backfilled:
    """What a backfill took.

    Args:
        partitions: Days times clusters.
        runs: Dagster runs.
        seconds: From its request to its end.
        inside: Of them in functions of core and resources.
        complete: Every asset has every partition.
    """

    partitions: int
    runs: int
    seconds: float
    inside: float
    complete: bool


def main() -> int:
    """Measure both and write the report."""
    parser = argparse.ArgumentParser(description="Orchestration at scale.")
    parser.add_argument("--quick", action="store_true", help="a few trainings, 20 days")
    parser.add_argument("--output", type=Path, help="JSON file of the report")
    arguments = parser.parse_args()
    size = QUICK if arguments.quick else FULL
    with tempfile.TemporaryDirectory(prefix="co-bench-") as folder:
        Path(folder).chmod(0o755)  # as root the server runs as a user of its own
        queued = _apart(queue_trainings, Path(folder, "queue"), size)
        backfilled = _apart(backfill_history, Path(folder, "backfill"), size)
    text = TEXT.format(
        trainings=size.trainings,
        families=" and ".join(size.families),
        at_once=AT_ONCE,
        days=size.backfill_days,
        clusters=size.clusters,
    )
    report = Report(measures=measures(queued, backfilled), text=text)
    if arguments.output:
        arguments.output.write_text(report.model_dump_json(), encoding="utf-8")
    return 0


def _apart(work: Callable[[Path, Size], Found], home: Path, size: Size) -> Found:
    """Return what work finds in a process of its own: a process reads its settings and definitions once."""
    os.environ["CLOUD_OPTIMIZER_HOME"] = str(home)
    with ProcessPoolExecutor(1, get_context("spawn"), logging.disable, (logging.INFO,)) as alone:
        return alone.submit(work, home, size).result()


def _clusters(size: Size) -> list[str]:
    return [f"cluster-{number}" for number in range(size.clusters)]


def queue_trainings(home: Path, size: Size) -> Queued:
    """Queue all trainings at once on a new machine and wait for their end."""
    from dagster import DagsterRunStatus

    from benchmarks.small_machine import HISTORY, run_queued, side_by_side, small_machine, trainings

    days = HISTORY.days + size.training_days
    with small_machine(home, _clusters(size), days, **side_by_side(AT_ONCE)) as machine:
        machine.ingest()
        wanted = trainings(machine, size.families, size.training_days)
        start = time.monotonic()
        ended = run_queued(machine, wanted, SECONDS_PER_TRAINING * len(wanted))
        seconds = time.monotonic() - start
        waits = [
            record.start_time - float(stats.launch_time)
            for record in machine.instance.get_run_records()
            if record.start_time and (stats := machine.instance.get_run_stats(record.dagster_run.run_id)).launch_time
        ]
        recorded = machine.mlflow_runs()
    return Queued(Counter(wanted), ended[DagsterRunStatus.SUCCESS], recorded, seconds, sum(waits) / max(len(waits), 1))


def backfill_history(home: Path, size: Size) -> Backfilled:
    """Backfill ingestion and features of a new machine, with Dagster's daemon and the runs in this process."""
    from dagster import AssetKey

    from benchmarks.bench_run import watch
    from benchmarks.small_machine import FEATURES, IN_PROCESS, INGESTION, backfill, small_machine

    boundary = Boundary(PACKAGES)
    with small_machine(home, _clusters(size), size.backfill_days, **IN_PROCESS) as machine:
        watch(boundary)
        start = time.time()
        backfill(machine)
        end = time.time()
        done = [machine.instance.get_materialized_partitions(AssetKey(name)) for name in (*INGESTION, FEATURES)]
        runs = machine.instance.get_runs_count()
    partitions = size.clusters * size.backfill_days
    complete = all(len(keys) == partitions for keys in done)
    return Backfilled(partitions, runs, end - start, boundary.seconds(start, end), complete)


def measures(queued: Queued, backfilled: Backfilled) -> tuple[Measure, ...]:
    """Return what was found beside its goals."""
    count = queued.wanted.total()
    outside = backfilled.seconds - backfilled.inside
    each = (outside + backfilled.runs * queued.start_seconds) / backfilled.partitions
    mixed = (queued.recorded - queued.wanted).total() + (queued.wanted - queued.recorded).total()
    return (
        measured("trainings queued at once", count),
        measured("of them finished", queued.succeeded, "", f"= {count}", queued.succeeded == count),
        measured("MLflow runs", queued.recorded.total(), "", f"= {count}", queued.recorded.total() == count),
        measured("MLflow runs missing, mixed or twice", mixed, "", "= 0", mixed == 0),
        measured("all trainings", queued.seconds, "s"),
        measured("a training", queued.seconds / count, "s"),
        measured("start of a run's process", queued.start_seconds, "s"),
        measured("partitions of the backfill", backfilled.partitions, "", "all made", backfilled.complete),
        measured("runs of the backfill", backfilled.runs),
        measured("the backfill", backfilled.seconds, "s"),
        measured("of it inside core and resources", backfilled.inside, "s"),
        measured("orchestration of one of its partitions", each, "s", "< 1 s", each < 1),
    )


if __name__ == "__main__":
    sys.exit(main())
