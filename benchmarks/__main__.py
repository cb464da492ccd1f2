"""Run benchmarks one after another, each in a process of its own, and write their sections of docs/results.md."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.results import Origin, Report, machine_text, read_report, section_text, table_text, write_section
from benchmarks.results import measures_table as goals_table

REPOSITORY: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = REPOSITORY / "docs" / "results.md"


@dataclass(frozen=True)
class Bench:
    """A benchmark: a Python program that takes --output FILE.json.

    Args:
        name: On the command line and in the markers of its section.
        title: Heading of its section.
        program: What follows `python`.
        quick: Its options for a small size that takes seconds.
        text: What is measured, where the program does not say so itself.
    """

    name: str
    title: str
    program: tuple[str, ...]
    quick: tuple[str, ...]
    text: str = ""


BENCHES: Final = (
    Bench("run", "The whole graph", ("-m", "benchmarks.bench_run"), ("--quick",)),
    Bench("models", "Forecasting models", ("-m", "benchmarks.bench_models"), ("--quick",)),
    Bench("replay", "Sizing policies", ("-m", "benchmarks.bench_replay"), ("--quick",)),
    Bench(
        "warehouse",
        "Warehouse",
        ("-m", "benchmarks.bench_warehouse"),
        ("--workloads", "58", "--clusters", "2", "--repeats", "1", "--query-repeats", "5"),
        "Loading, reading and querying PostgreSQL, beside its own COPY of the same rows on the same server.",
    ),
    Bench(
        "features",
        "Features",
        ("-m", "benchmarks.bench_features"),
        ("--workloads", "50", "--repeats", "1"),
        "The feature build beside pandas, straightforward Polars and mlforecast on the same values, and beside "
        "writing its output once to memory.",
    ),
    Bench(
        "feature_store",
        "Feature store",
        ("-m", "benchmarks.bench_feature_store"),
        ("--workloads", "100", "--repeats", "10"),
        "Online reads beside Feast's own path over the same tables, and writing and joining offline features.",
    ),
    Bench("automation", "Automation", ("-m", "benchmarks.bench_automation"), ("--quick",)),
    Bench("drift", "Drift", ("-m", "benchmarks.bench_drift"), ("--quick",)),
)


def main(arguments: Sequence[str] | None = None, benches: Sequence[Bench] = BENCHES) -> int:
    """Run the named benchmarks; the exit status is 1 when one of them failed.

    A missed goal is a result, not a failure. Sections of benchmarks that failed or were skipped stay as they were.
    """
    options = _options(arguments, [bench.name for bench in benches])
    results = options.results or (None if options.quick else RESULTS)
    chosen = [bench for bench in benches if not options.names or bench.name in options.names]
    failed = [bench.name for bench in chosen if not _measure(bench, options.quick, results)]
    if failed:
        sys.stdout.write(f"\nFailed: {', '.join(failed)}. What they printed stands above.\n")
    return 1 if failed else 0


def _options(arguments: Sequence[str] | None, names: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure the platform, each part beside a peer or a limit."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of {', '.join(names)}; default: all")
    parser.add_argument("--quick", action="store_true", help="small sizes; prints, and writes only with --results")
    parser.add_argument("--results", type=Path, help="Markdown file to write; default: docs/results.md")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(names))
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}: choose from {', '.join(names)}")
    return options


def _measure(bench: Bench, quick: bool, results: Path | None) -> bool:
    """Run one benchmark, print and write what it found; False where it gave no figures."""
    sys.stdout.write(f"\n== {bench.title} ({bench.name}) ==\n")
    sys.stdout.flush()
    machine, start = machine_text(), time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="co-results-") as folder:
        output = Path(folder) / "report.json"
        command = [sys.executable, *bench.program, *(bench.quick if quick else ()), "--output", str(output)]
        status = subprocess.run(command, cwd=REPOSITORY, check=False).returncode
        if not output.is_file():
            sys.stdout.write(f"{bench.name} failed with status {status} and gave no figures.\n")
            return False
        report = read_report(output)
    if report.skipped:
        sys.stdout.write(f"{bench.name} was skipped: {report.skipped}\n")
        return True
    name = f"{bench.name} --quick" if quick else bench.name
    origin = Origin(
        command=f'make bench ARGS="{name}"',
        machine=machine,
        day=datetime.now(UTC).date(),
        seconds=time.perf_counter() - start,
    )
    report = report.model_copy(update={"text": report.text or bench.text})
    _print(report)
    if results is not None:
        write_section(results, bench.name, section_text(bench.title, report, origin))
    return True


def _print(report: Report) -> None:
    if report.missed:
        sys.stdout.write(f"{report.missed} of {sum(bool(m.goal) for m in report.measures)} goals are missed.\n")
    for table in ([goals_table(report.measures)] if report.measures else []) + list(report.tables):
        sys.stdout.write(f"\n{table_text(table)}\n")


if __name__ == "__main__":
    sys.exit(main())
