"""Accuracy of every model family on a real trace beside naive forecasts and other tools, and the speed of both.

    python -m benchmarks.bench_models [--quick] [--trace FILE] [--output FILE.json]

Accuracy: rolling daily origins, weekly refits, only the past at each origin, by the engine of `cloud-optimizer
backtest`. Speed: forecasts of 10,000 workloads, and fitting beside a cross-validation of mlforecast + LightGBM.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from rich.console import Console

from benchmarks.model_peers import PEERS, Peer, gapless, long_frame, mlforecast
from benchmarks.results import Measure, Report, Table
from benchmarks.traces import BITBRAINS, missing_trace
from cloud_optimizer.cli.traces import load_panel
from cloud_optimizer.core.contracts import DAY, HOUR, TARGETS_BY_NAME
from cloud_optimizer.core.evaluation.against_naive import against_naive
from cloud_optimizer.core.evaluation.backtest import BacktestResult, backtest
from cloud_optimizer.core.evaluation.settings import BacktestSettings
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.families import FORECASTERS
from cloud_optimizer.core.panel import Panel

TARGETS: Final = ("cpu_mean", "cpu_peak", "memory_mean")
LEARNED: Final = tuple(name for name in ("lightgbm", "xgboost", "catboost", "lstm", "gru") if name in FORECASTERS)
SCORES: Final = ("mase", "wape", "wape_median", "wql", "coverage_80", "coverage_95")
DISTRIBUTIONAL: Final = ("wql", "coverage_80", "coverage_95")
HORIZON: Final = 24

TEXT: Final = """\
Hourly demand of the {series} virtual machines of {trace}, 24 hours ahead from the last {origins} midnights, refitted
weekly, only the past at each origin; forecasts and observed hours are pooled. WAPE and MASE are of the median, WQL is
the weighted quantile loss over ten levels. Empty cells: mlforecast and AutoETS forecast no distribution here. The
*champion* is the family with the lowest WQL of a resource on these same windows. mlforecast runs LightGBM with the
defaults of both (lags 1-24 and 168, hour, weekday), AutoETS is estimated on 21 days. Seconds in the tables are those
of one model over all origins, on one thread; speeds were measured on {threads} threads for every contender, on copies
of these machines at scales of their own.
"""

LIMITS: Final = """\
Limits: usage is censored by the capacity of its time; an hour is made of 5-minute means, so its peak is a peak of
means; these machines are the ones the defaults were developed on, so expect less on machines nobody has seen.
"""


@dataclass(frozen=True)
class Size:
    """How much is done.

    Args:
        origins: Scored midnights.
        families: Scored families.
        peers: Scored tools.
        targets: Scored targets.
        fleet: Workloads forecast at once.
        samples: Workload-hours that families are fitted on.
        windows: Windows of the cross-validation.
    """

    origins: int
    families: tuple[str, ...]
    peers: tuple[str, ...]
    targets: tuple[str, ...]
    fleet: int
    samples: int
    windows: int


FULL: Final = Size(28, tuple(FORECASTERS), PEERS, TARGETS, 10_000, 100_000, 2)
QUICK: Final = Size(7, ("seasonal_naive", "lightgbm"), ("mlforecast",), ("cpu_peak",), 1_000, 20_000, 1)


def main() -> int:
    """Measure and write the report."""
    arguments = _arguments()
    skipped = missing_trace(arguments.trace)
    report = Report(skipped=skipped) if skipped else measure(arguments.trace, arguments.threads, arguments.quick)
    if arguments.output:
        arguments.output.write_text(report.model_dump_json(), encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description="Accuracy and speed of the model families.")
    parser.add_argument("--trace", type=Path, default=BITBRAINS, help="file or folder, as for `backtest`")
    parser.add_argument("--threads", type=int, default=min(2, cores), help="of every contender while speed is measured")
    parser.add_argument("--quick", action="store_true", help="a week, one target, one learned family")
    parser.add_argument("--output", type=Path, help="JSON file of the report")
    return parser.parse_args()


def measure(trace: Path, threads: int, quick: bool) -> Report:
    """Run all parts on one trace."""
    size = QUICK if quick else FULL
    console = Console(stderr=True)
    panel = load_panel(trace, HOUR, console)
    settings = ForecastSettings(targets=size.targets)
    result = score(panel, size, settings, console)
    fast = settings.model_copy(update={"threads": threads})
    speed = [*predict_speed(panel, size, fast, console), *fit_speed(panel, size, fast, console)]
    facts = {"series": len(panel.workload_ids), "trace": trace.stem, "origins": len(result.plan.origins)}
    return Report(
        measures=(*goals(result), *speed),
        tables=tuple(accuracy_table(result, target) for target in result.plan.targets),
        text=TEXT.format(threads=threads, **facts),
        limits=LIMITS,
    )


def score(panel: Panel, size: Size, settings: ForecastSettings, console: Console) -> BacktestResult:
    """Backtest families and tools in one frame.

    Raises:
        RuntimeError: One of them failed.
    """
    contenders = [*(FORECASTERS[name]() for name in size.families), *(Peer(name) for name in size.peers)]
    frame = BacktestSettings(forecast=settings, origins=size.origins)
    with console.status("backtest") as status:
        result = backtest(panel, contenders, frame, lambda done, count, what: status.update(f"{done}/{count} {what}"))
    if result.failures:
        raise RuntimeError(f"not every contender can be scored: {result.failures}")
    return result


def accuracy_table(result: BacktestResult, target: str) -> Table:
    """Return the scores of every model on one target, best WAPE first."""
    rows = result.summary.filter(pl.col("target") == target).sort("wape").to_dicts()
    header = ("model", *(name.replace("_", " ").replace("wape", "WAPE") for name in SCORES), "fit s", "predict s")
    return Table(title=f"Accuracy: {target}", header=header, rows=tuple(_accuracy_row(row) for row in rows))


def _accuracy_row(row: dict[str, object]) -> tuple[str, ...]:
    point_only = row["model"] in PEERS
    scores = ("" if point_only and name in DISTRIBUTIONAL else f"{row[name]:.3f}" for name in SCORES)
    return str(row["model"]), *scores, f"{row['fit_seconds']:.1f}", f"{row['predict_seconds']:.1f}"


def champions(summary: pl.DataFrame) -> dict[str, str]:
    """Return resource to the family with the lowest WQL, averaged over the resource's targets."""
    families = summary.filter(pl.col("model").is_in(list(FORECASTERS)))
    resource = pl.col("target").replace_strict({name: target.resource for name, target in TARGETS_BY_NAME.items()})
    means = families.group_by("model", resource.alias("resource")).agg(pl.col("wql").mean()).sort("wql", "model")
    return dict(means.group_by("resource", maintain_order=True).first().select("resource", "model").iter_rows())


def goals(result: BacktestResult) -> list[Measure]:
    """Return how the champion of each target stands against naive forecasts and other tools."""
    best = champions(result.summary)
    ratios = {(row["model"], row["target"]): row for row in against_naive(result).to_dicts()}
    scores = {(row["model"], row["target"]): row for row in result.summary.to_dicts()}
    measures = []
    for target in result.plan.targets:
        name = best[TARGETS_BY_NAME[target].resource]
        measures += _naive_goals(f"{target}, {name}", ratios[name, target], scores[name, target])
        for other in ("mlforecast", "autoets", "autotheta"):
            if (other, target) in scores and other != name:
                ratio = float(scores[name, target]["wape"] / scores[other, target]["wape"])
                measures.append(_at_most(f"{target}, {name}: pooled WAPE / {other}'s", ratio, 1.0))
    return measures


def _naive_goals(title: str, ratio: dict[str, float], row: dict[str, float]) -> list[Measure]:
    inside = {"coverage_80": (0.77, 0.83), "coverage_95": (0.93, 0.97)}
    covered = [
        Measure(
            measure=f"{title}: {name.replace('_', ' of the ')} % interval",
            value=row[name],
            goal=f"{low} to {high}",
            holds=low <= row[name] <= high,
        )
        for name, (low, high) in inside.items()
    ]
    return [
        _at_most(f"{title}: pooled WAPE / best naive's ({ratio['best_naive']})", ratio["wape_ratio"], 0.9),
        _at_most(f"{title}: median WAPE / best naive's", ratio["wape_median_ratio"], 0.7),
        Measure(measure=f"{title}: WQL / empirical quantiles'", value=ratio["wql_ratio"], unit="x"),
        _at_most(f"{title}: worst series' WAPE / its own best naive's", ratio["worst_series"], 1.1),
        *covered,
    ]


def _at_most(measure: str, value: float, limit: float) -> Measure:
    return Measure(measure=measure, value=value, unit="x", goal=f"<= {limit:g}", holds=value <= limit)


def predict_speed(panel: Panel, size: Size, settings: ForecastSettings, console: Console) -> list[Measure]:
    """Forecast a large fleet with every learned family: workload-hours a second, and ten times the workloads."""
    target = size.targets[0]
    one = settings.model_copy(update={"targets": (target,)})
    recent = panel.window(panel.end - settings.history_days * DAY, panel.end)
    fleet, tenth = enlarged(recent, size.fleet), enlarged(recent, size.fleet // 10)
    measures = []
    for name in [name for name in size.families if name in LEARNED]:
        with console.status(f"forecasting {size.fleet:,} workloads with {name}"):
            fitted = FORECASTERS[name]().fit(panel, one)
            small = min(_seconds(lambda: fitted.predict(tenth, tenth.end)) for _ in range(2))  # noqa: B023
            large = min(_seconds(lambda: fitted.predict(fleet, fleet.end)) for _ in range(2))  # noqa: B023
        rate = size.fleet * HORIZON / large
        title = f"predict, {name}, {size.fleet:,} workloads x {HORIZON} h x 10 levels"
        measures.append(
            Measure(measure=title, value=rate, unit="workload-hours/s", goal=">= 50,000", holds=rate >= 50_000)
        )
        measures.append(_at_most(f"predict, {name}: time for ten times the workloads", large / small, 11))
    return measures


def fit_speed(panel: Panel, size: Size, settings: ForecastSettings, console: Console) -> list[Measure]:
    """Fit and forecast as many windows with all learned families as one cross-validation of mlforecast does."""
    target = size.targets[0]
    fleet = enlarged(panel, -(-size.samples // panel.length))
    frame = BacktestSettings(
        forecast=settings.model_copy(update={"targets": (target,)}),
        origins=size.windows,
        refit_every=DAY,
        baselines=False,
    )
    families = [name for name in size.families if name in LEARNED]
    seconds = {}
    for name in families:
        with console.status(f"fitting {name} on {size.samples:,} workload-hours"):
            (run,) = backtest(fleet, [FORECASTERS[name]()], frame).runs.values()
            seconds[name] = run.fit_seconds + run.predict_seconds
    peer = cross_validation_seconds(fleet, target, size.windows, settings)
    together, title = sum(seconds.values()), f"{size.windows} windows of {size.samples:,} workload-hours"
    return [
        Measure(measure=f"{title}: cross-validation of mlforecast + LightGBM", value=peer, unit="s"),
        *(Measure(measure=f"{title}: fit and predict, {n}", value=value, unit="s") for n, value in seconds.items()),
        _at_most(f"{title}: {len(families)} families together / mlforecast + LightGBM", together / peer, 3),
    ]


def cross_validation_seconds(panel: Panel, target: str, windows: int, settings: ForecastSettings) -> float:
    """Return the time of mlforecast's own cross-validation, a refit a window."""
    frame = long_frame(gapless(panel[TARGETS_BY_NAME[target].column]), panel.end, panel.step)
    model = mlforecast(settings)
    return _seconds(lambda: model.cross_validation(frame, n_windows=windows, h=HORIZON, refit=True, static_features=[]))


def enlarged(panel: Panel, count: int) -> Panel:
    """Return `count` workloads: those of the panel again and again, each at a scale of its own."""
    rows = np.arange(count) % len(panel.workload_ids)
    scale = np.random.default_rng(0).lognormal(0, 1, (count, 1)).astype(np.float32)
    columns = {name: values[rows] * scale for name, values in panel.columns.items() if name in _columns()}
    return Panel(tuple(f"w{number:05d}" for number in range(count)), panel.start, panel.step, columns)


def _columns() -> Sequence[str]:
    return [name for target in TARGETS_BY_NAME.values() for name in (target.column, target.capacity_column)]


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
