"""Backtests of families and tools as tables and goals: who forecasts best, and how far beyond naive forecasts."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import Any, Final

import numpy as np
import polars as pl
from rich.console import Console

from benchmarks.model_peers import PEERS, Peer
from benchmarks.results import Measure, Table
from cloud_optimizer.core.contracts import TARGETS_BY_NAME
from cloud_optimizer.core.evaluation.against_naive import against_naive
from cloud_optimizer.core.evaluation.backtest import BacktestResult, backtest
from cloud_optimizer.core.evaluation.settings import BacktestSettings
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.families import FORECASTERS
from cloud_optimizer.core.panel import Panel

SCORES: Final = ("mase", "wape", "wape_median", "wql", "coverage_80", "coverage_95")
HEADINGS: Final = ("MASE", "WAPE", "median WAPE", "WQL", "in 80 %", "in 95 %", "fit s", "predict s")
DISTRIBUTIONAL: Final = ("wql", "coverage_80", "coverage_95")
COVERAGE: Final = {"coverage_80": (0.77, 0.83), "coverage_95": (0.93, 0.97)}

FIVE_MINUTES: Final = timedelta(minutes=5)
JULY: Final = (datetime(2013, 7, 1, tzinfo=UTC), datetime(2013, 8, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Study:
    """One backtest: what it is called, what it is of, and the goals of its champion.

    Args:
        title: In tables and measures.
        limits: Column of `against_naive`, or name of a peer, to the highest ratio that is good enough.
        covered: Whether intervals have to cover what they state.
    """

    title: str
    limits: Mapping[str, float]
    covered: bool = False


HOURLY: Final = Study(
    "hourly",
    {
        "wape_ratio": 0.9,
        "wape_median_ratio": 0.7,
        "worst_series": 1.1,
        "mlforecast": 1.0,
        "autoets": 1.0,
        "autotheta": 1.0,
    },
    covered=True,
)
OTHERS: Final = tuple(
    Study(f"other machines, {half}", {"wape_ratio": 0.75, "wql_ratio": 0.82, "worst_series": 1.1, "mlforecast": 0.75})
    for half in ("even half", "odd half")
)
FAST: Final = Study("5 minutes", {"mase_ratio": 0.86})

WORDS: Final = {
    "wape_ratio": "pooled WAPE / best naive's",
    "wape_median_ratio": "median WAPE / best naive's",
    "wql_ratio": "WQL / empirical quantiles'",
    "mase_ratio": "MASE / seasonal naive's",
    "worst_series": "worst series' WAPE / its own best naive's",
}


def score(
    panel: Panel,
    families: Sequence[str],
    peers: Sequence[str],
    settings: BacktestSettings,
    console: Console,
    processes: int = 1,
) -> BacktestResult:
    """Backtest families and tools in one frame, each in one of the processes, beside the naive forecasts.

    Raises:
        RuntimeError: One of them failed.
    """
    frame = backtest(panel, [], settings)
    alone = settings.model_copy(update={"baselines": False})
    names = [*peers, *families]  # the slowest is a peer
    with console.status("backtest"), ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        results = list(pool.map(_score_alone, [panel] * len(names), names, [alone] * len(names)))
    failures = {name: reason for result in results for name, reason in result.failures.items()}
    if failures:
        raise RuntimeError(f"not every contender can be scored: {failures}")
    runs = {name: run for result in results for name, run in result.runs.items()}
    return replace(frame, runs={**runs, **frame.runs})


def _score_alone(panel: Panel, name: str, settings: BacktestSettings) -> BacktestResult:
    return backtest(panel, [Peer(name) if name in PEERS else FORECASTERS[name]()], settings)


def machines_outside(fleet: Panel, known: Panel, every: int, first: int = 0) -> Panel:
    """Return each `every`-th machine of a fleet that the known panel does not hold, from the one at `first` on."""
    outside = [i for i, name in enumerate(fleet.workload_ids) if name not in known.workload_ids]
    return fleet.rows(np.array(outside[first::every]))


def five_minute_settings(origins: int) -> BacktestSettings:
    """Return the frame of the 5-minute study: 4 hours ahead, a day's season."""
    forecast = ForecastSettings(step=FIVE_MINUTES, horizon=48, season=288, targets=("cpu_mean",))
    return BacktestSettings(forecast=forecast, origins=origins)


def accuracy_tables(result: BacktestResult, study: Study) -> list[Table]:
    """Return the scores of every model, a table a target, best WAPE first."""
    return [_accuracy_table(result, target, study.title) for target in result.plan.targets]


def _accuracy_table(result: BacktestResult, target: str, title: str) -> Table:
    rows = result.summary.filter(pl.col("target") == target).sort("wape").to_dicts()
    frame = f"{len(result.plan.origins)} origins, {rows[0]['series']} machines"
    cells = tuple(_accuracy_row(row) for row in rows)
    return Table(title=f"Accuracy, {title}: {target} ({frame})", header=("model", *HEADINGS), rows=cells)


def _accuracy_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    silent = DISTRIBUTIONAL if row["model"] in PEERS else ()
    scores = ("" if name in silent or row[name] is None else f"{row[name]:.3f}" for name in SCORES)
    return row["model"], *scores, f"{row['fit_seconds']:.1f}", f"{row['predict_seconds']:.1f}"


def champions(summary: pl.DataFrame) -> dict[str, str]:
    """Return resource to the family with the lowest WQL, averaged over the resource's targets."""
    families = summary.filter(pl.col("model").is_in(list(FORECASTERS)))
    resource = pl.col("target").replace_strict({name: target.resource for name, target in TARGETS_BY_NAME.items()})
    means = families.group_by("model", resource.alias("resource")).agg(pl.col("wql").mean()).sort("wql", "model")
    return dict(means.group_by("resource", maintain_order=True).first().select("resource", "model").iter_rows())


def goals(result: BacktestResult, study: Study) -> list[Measure]:
    """Return how the champion of each target stands against naive forecasts and other tools."""
    best = champions(result.summary)
    ratios = {(row["model"], row["target"]): row for row in against_naive(result).to_dicts()}
    scores = {(row["model"], row["target"]): row for row in result.summary.to_dicts()}
    measures = []
    for target in result.plan.targets:
        name = best[TARGETS_BY_NAME[target].resource]
        found = dict(ratios[name, target])
        for other in (*PEERS, "autotheta"):
            if (other, target) in scores and other != name:
                found[other] = scores[name, target]["wape"] / scores[other, target]["wape"]
        title = f"{study.title}, {target}, {name}"
        measures += [_at_most(title, key, found[key], limit) for key, limit in study.limits.items() if key in found]
        measures += _coverage(title, scores[name, target]) if study.covered else []
    return measures


def _at_most(title: str, key: str, value: float, limit: float) -> Measure:
    words = WORDS.get(key, f"pooled WAPE / {key}'s")
    return Measure(measure=f"{title}: {words}", value=value, unit="x", goal=f"<= {limit:g}", holds=value <= limit)


def _coverage(title: str, row: Mapping[str, Any]) -> list[Measure]:
    return [
        Measure(
            measure=f"{title}: inside the {name.removeprefix('coverage_')} % interval",
            value=row[name],
            goal=f"{low} to {high}",
            holds=low <= row[name] <= high,
        )
        for name, (low, high) in COVERAGE.items()
    ]
