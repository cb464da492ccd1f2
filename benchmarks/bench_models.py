"""Accuracy of every model family on real traces beside naive forecasts and other tools, and the speed of both.

    python -m benchmarks.bench_models [--quick] [--trace FILE] [--fleet FILE] [--output FILE.json]

Accuracy: rolling origins, only the past at each origin, by the engine of `cloud-optimizer backtest`. Speed: forecasts
of 10,000 workloads, and fitting beside a cross-validation of mlforecast + LightGBM.
"""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.model_accuracy import (
    FAST,
    FIVE_MINUTES,
    HOURLY,
    JULY,
    OTHERS,
    Study,
    accuracy_tables,
    five_minute_settings,
    goals,
    machines_outside,
    score,
)
from benchmarks.model_peers import PEERS
from benchmarks.model_speed import fit_speed, predict_speed
from benchmarks.results import Measure, Report, Table
from benchmarks.traces import BITBRAINS, BITBRAINS_FLEET, missing_trace
from cloud_optimizer.cli.traces import load_panel
from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.evaluation.backtest import BacktestResult
from cloud_optimizer.core.evaluation.settings import BacktestSettings
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.families import FORECASTERS
from cloud_optimizer.core.panel import Panel

LEARNED: Final = tuple(name for name in ("lightgbm", "xgboost", "catboost", "lstm", "gru") if name in FORECASTERS)
TARGETS: Final = ("cpu_mean", "cpu_peak", "memory_mean")

TEXT: Final = """\
*Hourly*: the {machines} virtual machines of {trace}, 24 hours ahead from the last midnights. *Other machines*: of those
in the hourly fleet that are not among them, every second is one half; every second of a half is scored. *5 minutes*: 4
hours ahead at the end of July. Families are refitted weekly and see only the past at each origin; losses are pooled
over machines and origins. WAPE and MASE are of the median, WQL is the weighted quantile loss over ten levels. Empty
cells: mlforecast and AutoETS forecast no distribution here. The champion of a resource is the family with its lowest
WQL on these same windows. mlforecast runs LightGBM with the defaults of both (lags 1-24 and 168, hour, weekday),
AutoETS is estimated on 21 days. Seconds in tables are those of one target over all origins, on one thread each,
{threads} contenders at a time. Speeds are of cpu_peak, on {threads} threads for every contender, on copies of the
machines at scales of their own. As by default, the cross-validation fits mlforecast at every daily window, and
families are fitted weekly.
"""

LIMITS: Final = """\
Limits: usage is censored by the capacity of its time; an hour is made of 5-minute means, so its peak is a peak of
means; the defaults were developed on the {machines} machines and on some of the others, and the champion is chosen on
the windows it is scored on, so expect a little less elsewhere.
"""


@dataclass(frozen=True)
class Size:
    """How much is done.

    Args:
        origins: Scored midnights of the hourly study.
        families: Scored in it.
        peers: Tools scored in it.
        targets: Forecast in it.
        fleet: Workloads forecast at once.
        samples: Workload-hours that families are fitted on.
        windows: Daily windows of the cross-validation.
        studies: Whether the other machines and the 5-minute study are run too.
    """

    origins: int
    families: tuple[str, ...]
    peers: tuple[str, ...]
    targets: tuple[str, ...]
    fleet: int
    samples: int
    windows: int
    studies: bool


FULL: Final = Size(28, tuple(FORECASTERS), PEERS, TARGETS, 10_000, 100_000, 14, True)
QUICK: Final = Size(7, ("seasonal_naive", "lightgbm"), ("mlforecast",), ("cpu_peak",), 1_000, 20_000, 1, False)


def main() -> int:
    """Measure and write the report."""
    arguments = _arguments()
    skipped = missing_trace(arguments.trace)
    report = Report(skipped=skipped) if skipped else measure(arguments)
    if arguments.output:
        arguments.output.write_text(report.model_dump_json(), encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description="Accuracy and speed of the model families.")
    parser.add_argument("--trace", type=Path, default=BITBRAINS, help="file or folder, as for `backtest`")
    parser.add_argument("--fleet", type=Path, default=BITBRAINS_FLEET, help="an hourly one with other machines")
    parser.add_argument("--threads", type=int, default=min(2, cores), help="of every contender while speed is measured")
    parser.add_argument("--quick", action="store_true", help="a week, one target, one learned family")
    parser.add_argument("--output", type=Path, help="JSON file of the report")
    return parser.parse_args()


def measure(arguments: argparse.Namespace) -> Report:
    """Run the studies, then measure speed."""
    size = QUICK if arguments.quick else FULL
    console = Console(stderr=True)
    panel = load_panel(arguments.trace, HOUR, console)
    found = [(HOURLY, _hourly(panel, size, arguments.threads, console))]
    if size.studies:
        found += _further_studies(arguments, panel, console)
    learned = [name for name in size.families if name in LEARNED]
    fast = ForecastSettings(threads=arguments.threads)
    predictors = [*learned, *(name for name in size.families if name == "blend")]
    speed = [
        *predict_speed(panel, predictors, size.fleet, fast, console),
        *fit_speed(panel, learned, size.samples, size.windows, fast, console),
    ]
    return _report(found, speed, panel, arguments)


def _hourly(panel: Panel, size: Size, processes: int, console: Console) -> BacktestResult:
    settings = BacktestSettings(forecast=ForecastSettings(targets=size.targets), origins=size.origins)
    return score(panel, size.families, size.peers, settings, console, processes)


def _further_studies(
    arguments: argparse.Namespace, panel: Panel, console: Console
) -> list[tuple[Study, BacktestResult]]:
    """Score one learned family on machines outside the trace, and on the trace at 5 minutes."""
    found = []
    if arguments.fleet.is_file():
        fleet = load_panel(arguments.fleet, HOUR, console)
        settings = BacktestSettings(forecast=ForecastSettings(targets=("cpu_mean", "memory_mean")), origins=14)
        for first, study in enumerate(OTHERS):
            machines = machines_outside(fleet, panel, every=4, first=first)
            result = score(machines, ["lightgbm"], ["mlforecast"], settings, console, arguments.threads)
            found.append((study, result))
    july = load_panel(arguments.trace, FIVE_MINUTES, console).window(*JULY)
    if july.length:
        found.append((FAST, score(july, ["lightgbm"], [], five_minute_settings(origins=18), console)))
    return found


def _report(
    found: list[tuple[Study, BacktestResult]], speed: list[Measure], panel: Panel, arguments: argparse.Namespace
) -> Report:
    machines = len(panel.workload_ids)
    measures = [measure for study, result in found for measure in goals(result, study)]
    tables: list[Table] = [table for study, result in found for table in accuracy_tables(result, study)]
    text = TEXT.format(machines=machines, trace=arguments.trace.stem, threads=arguments.threads)
    limits = LIMITS.format(machines=machines)
    return Report(measures=(*measures, *speed), tables=tuple(tables), text=text, limits=limits)


if __name__ == "__main__":
    sys.exit(main())
