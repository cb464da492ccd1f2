"""Every sizing policy under every contract on real traces, with bootstrap intervals, and the speed of the replay.

The 5-minute trace is replayed as it is. Of the hourly fleet the other machines are replayed: their memory as it is,
their CPU rebuilt at 5 minutes.

python -m benchmarks.bench_replay [--quick] [--trace FILE] [--fleet FILE] [--output FILE.json]
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.rebuilt_fleet import rebuilt, rebuilt_from_each_other
from benchmarks.results import Measure, Report, Table
from benchmarks.traces import BITBRAINS, BITBRAINS_FLEET, missing_trace
from cloud_optimizer.cli.traces import load_panel
from cloud_optimizer.core.contracts import DAY, HOUR, Resource
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.policies.registry import BASELINES, OURS, policies_for
from cloud_optimizer.core.replay.data import ReplayData
from cloud_optimizer.core.replay.report import LIMITS, contract_text, reliability_table, replay_table
from cloud_optimizer.core.replay.run import PolicyScore, replay
from cloud_optimizer.core.replay.settings import CONTRACTS, ReplaySettings

Limits = Mapping[str, float]
"""Measure of ours to the most it may be."""

SHORTAGE: Final[Limits] = {"violating_observations": 0.01, "unmet_volume": 0.01}
MEMORY_LIMITS: Final[Limits] = {"violating_workload_days": 0.025}
FLEET: Final[tuple[tuple[Resource, str, Limits], ...]] = (
    ("cpu", "daily", SHORTAGE),
    ("memory", "daily", MEMORY_LIMITS),
    ("cpu", "hourly", SHORTAGE),
    ("cpu", "hourly_few_changes", SHORTAGE),
    ("cpu", "hourly_with_raise", SHORTAGE),
)
REBUILT: Final[tuple[tuple[str, Limits], ...]] = (
    ("daily", {"provision": 0.36, **SHORTAGE, "provision_at_0_1pct": 0.43}),
    ("hourly", {"provision": 0.20, **SHORTAGE}),
    ("hourly_few_changes", {"provision": 0.21, **SHORTAGE}),
    ("hourly_with_raise", {"provision": 0.16, **SHORTAGE}),
)
"""Contract, and the most that each measure of ours may be."""

JULY: Final = (datetime(2013, 7, 1, tzinfo=UTC), datetime(2013, 8, 1, tzinfo=UTC))
"""The month that is rebuilt."""

REBUILDING_POLICIES: Final = ("hour_of_day_p95", OURS)
"""A rule of single hours and ours: what happens within an hour matters to both."""

PEERS: Final = ("vpa", "krr_simple", "p99_14d")
AT_EQUAL_VIOLATIONS: Final = "provision_at_1pct"
QUICK_DAYS: Final = 21

Found = tuple[list[Measure], tuple[Table, ...]]
"""Figures beside their goals, and the tables of the policies and of their stated risks."""

TEXT: Final = """\
Walk-forward: a decision uses only what lay before it, takes effect after {lag:g} minutes, and the first {warm_up} days
are not scored. Provision is the capacity in force as a share of what was provisioned; a sample above it violates.
Brackets hold 95 % bootstrap intervals over machines. *At 1 % violations* every policy is scaled on the first half of
the scored days and scored on the second. Speed is that of all baselines together, scoring and resamples included.
*Stated risk* is what `cloud_optimizer` said of the capacity in force before each period; bands with fewer than 100
short periods tell little and have no ratio.

*Rebuilt* machines are those of the hourly fleet that the 5-minute trace does not hold, in July: means and peaks of
every hour are theirs, when within the hour they happen is taken from similar hours of the 5-minute machines. How far
that leads astray is measured on the 5-minute machines themselves, each half rebuilt from the other.
"""

TUNING: Final = """\
The starting prices of `cloud_optimizer` were chosen on public Bitbrains traces, these machines among them, so its rows
are not out of sample; every decision looks back only, and the baselines have no tuned parameters. One provider and
three months hold a handful of independent events: the intervals, over machines, say too little about that.
"""


def main() -> int:
    """Measure and write the report."""
    arguments = _arguments()
    skipped = missing_trace(arguments.trace)
    report = Report(skipped=skipped) if skipped else measure(arguments.trace, arguments.fleet, arguments.quick)
    if arguments.output:
        arguments.output.write_text(report.model_dump_json(), encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Sizing policies under every contract.")
    parser.add_argument("--trace", type=Path, default=BITBRAINS, help="5-minute file")
    parser.add_argument("--fleet", type=Path, default=BITBRAINS_FLEET, help="an hourly one with other machines")
    parser.add_argument("--quick", action="store_true", help=f"the last {QUICK_DAYS} days of --trace, two contracts")
    parser.add_argument("--output", type=Path, help="JSON file of the report")
    return parser.parse_args()


def measure(trace: Path, fleet: Path, quick: bool) -> Report:
    """Replay the contracts on the traces."""
    console = Console(stderr=True)
    panel = load_panel(trace, None, console)
    if quick:
        panel = panel.window(panel.end - QUICK_DAYS * DAY, panel.end)
    found = [
        replay_contract(ReplayData.from_panel(panel, resource), resource, contract, console, limits)
        for resource, contract, limits in (FLEET[:2] if quick else FLEET)
    ]
    if fleet.is_file() and not quick:
        found += _others(load_panel(fleet, HOUR, console), panel, console)
    settings = ReplaySettings()
    return Report(
        measures=tuple(measure for measures, _ in found for measure in measures),
        tables=tuple(table for _, tables in found for table in tables),
        text=TEXT.format(lag=settings.apply_lag / timedelta(minutes=1), warm_up=settings.warm_up.days),
        limits=f"Limits: {LIMITS} {TUNING}",
    )


def _others(fleet: Panel, known: Panel, console: Console) -> list[Found]:
    """Replay the machines of the fleet that the 5-minute trace does not hold."""
    others = fleet.rows([row for row, name in enumerate(fleet.workload_ids) if name not in known.workload_ids])
    memory = replay_contract(ReplayData.from_panel(others, "memory"), "memory", "daily", console, MEMORY_LIMITS)
    data = rebuilt(others.window(*JULY), known.window(*JULY))
    contracts = (replay_contract(data, "cpu", contract, console, limits, "rebuilt") for contract, limits in REBUILT)
    return [memory, (rebuilding_error(fleet.window(*JULY), known.window(*JULY)), ()), *contracts]


def rebuilding_error(fleet: Panel, known: Panel) -> list[Measure]:
    """Return provision and shortage on the known machines as rebuilt, over those on their own samples."""
    settings = CONTRACTS["hourly"]
    policies = policies_for(settings, REBUILDING_POLICIES)
    rebuilt_scores, scores = (replay(data, policies, settings) for data in rebuilt_from_each_other(fleet, known))
    title = f"{len(known.workload_ids)} machines rebuilt / as they are, {contract_text(settings)}"
    return [
        Measure(
            measure=f"{title}: {name.replace('_', ' ')} of {score.policy}",
            value=found.values[name] / score.values[name],
            unit="x",
        )
        for found, score in zip(rebuilt_scores, scores, strict=True)
        for name in ("provision", *SHORTAGE)
        if score.values[name] > 0.0
    ]


def replay_contract(
    data: ReplayData, resource: Resource, contract: str, console: Console, limits: Limits, kind: str = ""
) -> Found:
    """Replay the baselines, then our policy, under one contract: our place beside peers, speed, the whole table."""
    settings = CONTRACTS[contract].model_copy(update={"resource": resource})
    machines = f"{len(data.workload_ids)} {kind} machines".replace("  ", " ")
    words = f"{contract_text(settings)}, {machines} at {data.step / timedelta(minutes=1):g} minutes"
    with console.status(words):
        start = time.perf_counter()
        baselines = replay(data, BASELINES, settings)
        seconds = time.perf_counter() - start
        (ours,) = replay(data, policies_for(settings, [OURS]), settings)
    header, rows = replay_table((*baselines, ours))
    title = words.replace("cpu", "CPU").replace("memory", "Memory")
    speed = len(data.workload_ids) * data.length * data.step / DAY / seconds
    measures = [*within_limits(title, ours, limits), *beside_peers(title, baselines, ours), speed_measure(title, speed)]
    bands, shares = reliability_table(ours)
    return measures, (
        Table(title=title, header=header, rows=tuple(rows)),
        Table(title=f"{title}: does the stated risk come true?", header=bands, rows=tuple(shares)),
    )


def within_limits(title: str, ours: PolicyScore, limits: Limits) -> list[Measure]:
    """Return measures of our policy beside the most each may be."""
    return [
        Measure(
            measure=f"{title}: our {name.replace('_', ' ')}",
            value=ours.values[name],
            goal=f"<= {most:g}",
            holds=ours.values[name] <= most,
        )
        for name, most in limits.items()
        if isfinite(ours.values[name])
    ]


def speed_measure(title: str, rate: float) -> Measure:
    """Return the speed of all baselines together beside its goal."""
    measure = f"{title}: all {len(BASELINES)} baselines"
    return Measure(measure=measure, value=rate, unit="workload-days/s", goal=">= 100", holds=rate >= 100)


def beside_peers(title: str, baselines: Sequence[PolicyScore], ours: PolicyScore) -> list[Measure]:
    """Return our provision as a share of each peer's, both scaled to 1 % violating observations."""
    theirs = {score.policy: score.values[AT_EQUAL_VIOLATIONS] for score in baselines}
    ratios = {name: ours.values[AT_EQUAL_VIOLATIONS] / theirs[name] for name in PEERS}
    return [
        Measure(
            measure=f"{title}: our provision at 1 % violations / {name}'s",
            value=ratio,
            unit="x",
            goal="< 1",
            holds=ratio < 1,
        )
        for name, ratio in ratios.items()
        if isfinite(ratio)
    ]


if __name__ == "__main__":
    sys.exit(main())
