"""Speed of the whole graph on just over 100,000 simulated samples, and what orchestration adds to the work itself.

    python -m benchmarks.bench_run [--quick] [--output FILE.json]

The graph runs as `cloud-optimizer run` runs it: embedded PostgreSQL, MLflow, Feast and a Dagster instance in a
temporary state folder, every asset and model family, all steps in this process.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks.boundary import Boundary
from benchmarks.results import Measure, Report, Table

PACKAGES: Final = ("cloud_optimizer.core", "cloud_optimizer.resources")
QUICK_FAMILIES: Final = ("seasonal_naive_model", "lightgbm_model")

TEXT: Final = """\
Two simulated clusters of {workloads} workloads, {days} days of 5-minute telemetry: {samples:,} samples, through every
asset of the graph and {families} model families, in one process. *Whole time* runs from the start of the embedded
PostgreSQL to the last asset: migration, imports, definitions, Dagster's runs and events included. *Inside* is the time
in functions of `core` and `resources`, taken where assets, command line and connections call them; what an asset does
itself, between those calls, counts as overhead. Libraries are imported where they are first used, mostly inside.
"""


@dataclass(frozen=True)
class Step:
    """One step of one run, in seconds since the epoch."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class Timing:
    """What one run of the graph took.

    Args:
        samples: Received from the source.
        families: Model families trained.
        steps: Of all Dagster runs.
        groups: Step name to asset group, in the order of the graph.
        start: Before the server was started.
        graph_start: Before the first run of the graph.
        end: After the last run of the graph.
        again: Seconds that a second `run` took to find everything there.
    """

    samples: int
    families: int
    steps: tuple[Step, ...]
    groups: dict[str, str]
    start: float
    graph_start: float
    end: float
    again: float


def main() -> int:
    """Run the graph, print nothing but its progress, and write the report."""
    arguments = _arguments()
    boundary = Boundary(PACKAGES)
    with tempfile.TemporaryDirectory(prefix="co-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # as root the server runs as a user of its own
        os.environ["CLOUD_OPTIMIZER_HOME"] = folder  # partitions read their first day from there when imported
        with boundary.counting_imports():
            timing = run_graph(home, arguments.workloads, arguments.days, arguments.quick, boundary)
    facts = {"workloads": arguments.workloads, "days": arguments.days}
    text = TEXT.format(samples=timing.samples, families=timing.families, **facts)
    report = Report(measures=measures(timing, boundary), tables=(step_table(timing, boundary),), text=text)
    if arguments.output:
        arguments.output.write_text(report.model_dump_json(), encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Speed of the whole graph.")
    parser.add_argument("--workloads", type=int, default=3, help="of each of two clusters")
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--quick", action="store_true", help="30 days and the two fastest families")
    parser.add_argument("--output", type=Path, help="JSON file of the report")
    arguments = parser.parse_args()
    arguments.days = 30 if arguments.quick else arguments.days
    return arguments


def run_graph(home: Path, workloads: int, days: int, quick: bool, boundary: Boundary) -> Timing:
    """Materialize everything for two simulated clusters in a new state folder and read the times from Dagster."""
    start = time.time()
    from rich.console import Console

    from cloud_optimizer.connections import local_platform
    from cloud_optimizer.core.simulator.settings import SimulatorSettings
    from cloud_optimizer.resources.telemetry.simulator import SimulatorSource
    from cloud_optimizer.settings import Settings, record_first_day

    watch(boundary)
    first = datetime.now(UTC).date() - timedelta(days=days)
    fleet = SimulatorSettings(workloads_per_cluster=workloads, start=first, days=days)
    with local_platform(Settings(home=home)) as platform:
        sources = platform.telemetry.register(SimulatorSource(fleet), fleet.model_dump(mode="json"))
        record_first_day(home, first)
        from cloud_optimizer.cli.graph import Graph, Plan, open_graph
        from cloud_optimizer.definitions import ASSETS
        from cloud_optimizer.resources.warehouse import RAW_SAMPLES

        watch(boundary)
        plans = [Plan.of(source) for source in sources]
        with open_graph(platform, sources, Console(stderr=True)) as opened:
            graph = Graph(opened.materializer, QUICK_FAMILIES) if quick else opened
            graph_start = time.time()
            _all(graph.run, plans)
            end = time.time()
            _all(graph.run, plans)
            again = time.time() - end
            steps = read_steps(graph.materializer.instance)
        everything = [plan.everything for plan in plans]
        read = [platform.warehouse.read(RAW_SAMPLES, p.cluster, p.first, p.next_day, ["cluster"]) for p in everything]
    groups = {asset.node_def.name: next(iter(asset.group_names_by_key.values())) for asset in ASSETS}
    samples = sum(frame.height for frame in read)
    return Timing(samples, len(graph.families), steps, groups, start, graph_start, end, again)


def watch(boundary: Boundary) -> None:
    """Time the calls into the inside from every module that is loaded by now."""
    for name, module in list(sys.modules.items()):
        if name.startswith("cloud_optimizer.resources."):
            boundary.watch_methods(module)
        if name.startswith("cloud_optimizer.") and not name.startswith(PACKAGES):
            boundary.watch_callers(module)


def _all(work: Callable[[Any], None], items: list[Any]) -> None:
    for item in items:
        work(item)


def read_steps(instance: Any) -> tuple[Step, ...]:
    """Return every finished step of every run that the instance recorded."""
    from dagster import DagsterEventType

    steps: list[Step] = []
    for run in instance.get_runs():
        started = {log.step_key: log.timestamp for log in instance.all_logs(run.run_id, DagsterEventType.STEP_START)}
        done = instance.all_logs(run.run_id, DagsterEventType.STEP_SUCCESS)
        steps += [Step(log.step_key, started[log.step_key], log.timestamp) for log in done]
    return tuple(steps)


def measures(timing: Timing, boundary: Boundary) -> tuple[Measure, ...]:
    """Return the whole time, the time inside, and what lies between them."""
    whole = timing.end - timing.start
    inside = boundary.seconds(timing.start, timing.end)
    imports = boundary.import_seconds(timing.start, timing.end)
    in_steps = sum(step.end - step.start for step in timing.steps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return (
        Measure(measure="whole time", value=whole, unit="s"),
        Measure(measure="inside core and resources", value=inside, unit="s"),
        Measure(
            measure="whole time / inside", value=whole / inside, unit="x", goal="<= 1.3", holds=whole <= 1.3 * inside
        ),
        Measure(
            measure="the same with imports as overhead too",
            value=whole / (inside - imports),
            unit="x",
        ),
        Measure(
            measure="outside core and resources",
            value=whole - inside,
            unit="s",
            goal="< 30 s",
            holds=whole - inside < 30,
        ),
        Measure(measure="of it, in steps", value=in_steps - _inside_steps(timing, boundary), unit="s"),
        Measure(measure="of it, before the first run", value=_outside_before(timing, boundary), unit="s"),
        Measure(measure="imports of libraries, inside", value=imports, unit="s"),
        Measure(measure="a second run that finds everything there", value=timing.again, unit="s"),
        Measure(measure="peak memory of the process", value=peak, unit="GiB"),
    )


def _inside_steps(timing: Timing, boundary: Boundary) -> float:
    return sum(boundary.seconds(step.start, step.end) for step in timing.steps)


def _outside_before(timing: Timing, boundary: Boundary) -> float:
    return timing.graph_start - timing.start - boundary.seconds(timing.start, timing.graph_start)


def step_table(timing: Timing, boundary: Boundary) -> Table:
    """Return seconds by group and asset: in all, inside, and their ratio."""
    rows = []
    order = list(dict.fromkeys(timing.groups.values()))
    for group in order:
        names = [name for name, of in timing.groups.items() if of == group]
        steps = [step for step in timing.steps if step.name in names]
        if steps:
            rows.append(_step_row(group, "all", steps, boundary))
            rows += [_step_row("", name, [s for s in steps if s.name == name], boundary) for name in names]
    return Table(
        title="Seconds per stage",
        header=("stage", "step", "runs", "seconds", "inside", "ratio"),
        rows=tuple(row for row in rows if row[2] != "0"),
    )


def _step_row(group: str, name: str, steps: list[Step], boundary: Boundary) -> tuple[str, ...]:
    seconds = sum(step.end - step.start for step in steps)
    inside = sum(boundary.seconds(step.start, step.end) for step in steps)
    ratio = f"{seconds / inside:.2f}" if inside else "-"
    return group, name, str(len(steps)), f"{seconds:.1f}", f"{inside:.1f}", ratio


if __name__ == "__main__":
    sys.exit(main())
