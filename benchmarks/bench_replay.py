"""Every sizing policy under every contract on real traces, with bootstrap intervals, and the speed of the replay.

python -m benchmarks.bench_replay [--quick] [--trace FILE] [--fleet FILE] [--output FILE.json]
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import isfinite
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from benchmarks.results import Measure, Report, Table
from benchmarks.traces import BITBRAINS, BITBRAINS_FLEET, missing_trace
from cloud_optimizer.cli.traces import load_panel
from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.policies.registry import BASELINES, OURS, policies_for
from cloud_optimizer.core.replay.data import ReplayData
from cloud_optimizer.core.replay.report import LIMITS, contract_text, reliability_table, replay_table
from cloud_optimizer.core.replay.run import PolicyScore, replay
from cloud_optimizer.core.replay.settings import ReplaySettings

Contract = Mapping[str, Any]
"""What differs from the defaults of ReplaySettings."""

CPU_DAILY: Final[Contract] = {"resource": "cpu", "cadence": "daily"}
CPU_HOURLY: Final[Contract] = {"resource": "cpu", "cadence": "hourly"}
MEMORY_DAILY: Final[Contract] = {"resource": "memory", "cadence": "daily"}
CONTRACTS: Final = (
    CPU_DAILY,
    MEMORY_DAILY,
    {**CPU_HOURLY, "max_changes_per_day": 3},
    {**CPU_HOURLY, "max_changes_per_day": 1},
    {**CPU_HOURLY, "raise_within_hour": True},
)
FLEET_CONTRACTS: Final = (CPU_DAILY, MEMORY_DAILY)  # hours are too coarse for what happens inside them

PEERS: Final = ("vpa", "krr_simple", "p99_14d")
AT_EQUAL_VIOLATIONS: Final = "provision_at_1pct"
QUICK_DAYS: Final = 21

TEXT: Final = """\
Walk-forward: a decision uses only what lay before it, takes effect after {lag:g} minutes, and the first {warm_up} days
are not scored. Provision is the capacity in force as a share of what was provisioned; a sample above it violates.
Brackets hold 95 % bootstrap intervals over machines. *At 1 % violations* every policy is scaled on the first half of
the scored days and scored on the second. Speed is that of all baselines together, scoring and resamples included.
*Stated risk* is what `cloud_optimizer` said of the capacity in force before each period; bands with fewer than 100
short periods tell little and have no ratio.
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
    parser.add_argument("--trace", type=Path, default=BITBRAINS, help="file or folder, as for `replay`")
    parser.add_argument("--fleet", type=Path, default=BITBRAINS_FLEET, help="another one, for the daily contracts")
    parser.add_argument("--quick", action="store_true", help=f"the last {QUICK_DAYS} days of --trace, two contracts")
    parser.add_argument("--output", type=Path, help="JSON file of the report")
    return parser.parse_args()


def measure(trace: Path, fleet: Path, quick: bool) -> Report:
    """Replay the contracts on the traces."""
    console = Console(stderr=True)
    panel = load_panel(trace, None, console)
    if quick:
        panel = panel.window(panel.end - QUICK_DAYS * DAY, panel.end)
    found = [replay_contract(panel, contract, console) for contract in (CONTRACTS[:2] if quick else CONTRACTS)]
    if fleet.is_file() and not quick:
        machines = load_panel(fleet, None, console)
        found += [replay_contract(machines, contract, console) for contract in FLEET_CONTRACTS]
    settings = ReplaySettings()
    return Report(
        measures=tuple(measure for measures, _ in found for measure in measures),
        tables=tuple(table for _, tables in found for table in tables),
        text=TEXT.format(lag=settings.apply_lag / timedelta(minutes=1), warm_up=settings.warm_up.days),
        limits=f"Limits: {LIMITS} {TUNING}",
    )


def replay_contract(panel: Panel, contract: Contract, console: Console) -> tuple[list[Measure], tuple[Table, Table]]:
    """Replay the baselines, then our policy, under one contract: our place beside peers, speed, the whole table."""
    settings = ReplaySettings.model_validate(contract)
    machines = f"{len(panel.workload_ids)} machines at {panel.step / timedelta(minutes=1):g} minutes"
    words = f"{contract_text(settings)}, {machines}"
    data = ReplayData.from_panel(panel, settings.resource)
    with console.status(words):
        start = time.perf_counter()
        baselines = replay(data, BASELINES, settings)
        seconds = time.perf_counter() - start
        (ours,) = replay(data, policies_for(settings, [OURS]), settings)
    header, rows = replay_table((*baselines, ours))
    title = words.replace("cpu", "CPU").replace("memory", "Memory")
    speed = len(panel.workload_ids) * (panel.end - panel.start) / DAY / seconds
    measures = [*beside_peers(title, baselines, ours), speed_measure(title, speed)]
    bands, shares = reliability_table(ours)
    return measures, (
        Table(title=title, header=header, rows=tuple(rows)),
        Table(title=f"{title}: does the stated risk come true?", header=bands, rows=tuple(shares)),
    )


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
