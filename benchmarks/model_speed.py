"""Speed of the learned families: forecasts of a large fleet, and fitting beside mlforecast + LightGBM."""

import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from rich.console import Console

from benchmarks.model_peers import gapless, long_frame, mlforecast
from benchmarks.results import Measure
from cloud_optimizer.core.contracts import DAY, TARGETS_BY_NAME
from cloud_optimizer.core.evaluation.backtest import backtest
from cloud_optimizer.core.evaluation.settings import BacktestSettings
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.families import FORECASTERS
from cloud_optimizer.core.panel import Panel

TARGET: Final = "cpu_peak"
RATE_GOAL: Final = 50_000


def enlarged(panel: Panel, count: int) -> Panel:
    """Return `count` workloads: those of the panel again and again, each at a scale of its own."""
    rows = np.arange(count) % len(panel.workload_ids)
    scale = np.random.default_rng(0).lognormal(0, 1, (count, 1)).astype(np.float32)
    target = TARGETS_BY_NAME[TARGET]
    columns = {name: panel[name][rows] * scale for name in (target.column, target.capacity_column)}
    return Panel(tuple(f"w{number:05d}" for number in range(count)), panel.start, panel.step, columns)


def predict_speed(
    panel: Panel, families: Sequence[str], count: int, settings: ForecastSettings, console: Console
) -> list[Measure]:
    """Forecast a large fleet with each family: workload-hours a second, and the growth from a tenth of the fleet."""
    settings = settings.model_copy(update={"targets": (TARGET,)})
    recent = panel.window(panel.end - settings.history_days * DAY, panel.end)
    fleet, tenth = enlarged(recent, count), enlarged(recent, count // 10)
    measures = []
    for name in families:
        with console.status(f"forecasting {count:,} workloads with {name}"):
            fitted = FORECASTERS[name]().fit(panel, settings)
            small = _best(lambda: fitted.predict(tenth, tenth.end))  # noqa: B023
            large = _best(lambda: fitted.predict(fleet, fleet.end))  # noqa: B023
        title = f"predict, {name}, {count:,} workloads x {settings.horizon} h x 10 levels"
        rate, growth = count * settings.horizon / large, large / small
        measures += [
            Measure(
                measure=title, value=rate, unit="workload-hours/s", goal=f">= {RATE_GOAL:,}", holds=rate >= RATE_GOAL
            ),
            Measure(
                measure=f"predict, {name}: time for ten times the workloads",
                value=growth,
                unit="x",
                goal="<= 11",
                holds=growth <= 11,
            ),
        ]
    return measures


def fit_speed(
    panel: Panel, families: Sequence[str], samples: int, windows: int, settings: ForecastSettings, console: Console
) -> list[Measure]:
    """Fit and forecast the windows with each family, refitted at each, as one cross-validation of mlforecast does."""
    fleet = enlarged(panel, -(-samples // panel.length))
    forecast = settings.model_copy(update={"targets": (TARGET,)})
    frame = BacktestSettings(forecast=forecast, origins=windows, refit_every=DAY, baselines=False)
    seconds = {}
    for name in families:
        with console.status(f"fitting {name} on {samples:,} workload-hours"):
            (run,) = backtest(fleet, [FORECASTERS[name]()], frame).runs.values()
            seconds[name] = run.fit_seconds + run.predict_seconds
    peer = _cross_validation_seconds(fleet, windows, settings)
    together = sum(seconds.values()) / peer
    title = f"{windows} windows of {samples:,} workload-hours"
    return [
        Measure(measure=f"{title}: cross-validation of mlforecast + LightGBM", value=peer, unit="s"),
        *(Measure(measure=f"{title}: {name}", value=value, unit="s") for name, value in seconds.items()),
        Measure(
            measure=f"{title}: these {len(families)} together / mlforecast + LightGBM",
            value=together,
            unit="x",
            goal="<= 3",
            holds=together <= 3,
        ),
    ]


def _cross_validation_seconds(panel: Panel, windows: int, settings: ForecastSettings) -> float:
    frame = long_frame(gapless(panel[TARGETS_BY_NAME[TARGET].column]), panel.end, panel.step)
    model = mlforecast(settings)
    horizon = settings.horizon
    return _best(lambda: model.cross_validation(frame, windows, horizon, refit=True, static_features=[]), 1)


def _best(work: Callable[[], object], repeats: int = 2) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
