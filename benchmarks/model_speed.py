"""Speed of the learned families: forecasts of a large fleet, and fitting beside mlforecast + LightGBM."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console

from benchmarks.model_peers import gapless, long_frame, mlforecast
from benchmarks.results import Measure
from cloud_optimizer.core.contracts import DAY, QUANTILE_LEVELS, TARGETS_BY_NAME
from cloud_optimizer.core.evaluation.backtest import backtest
from cloud_optimizer.core.evaluation.settings import BacktestSettings
from cloud_optimizer.core.forecasting.contract import FittedForecaster, ForecastSettings
from cloud_optimizer.core.forecasting.families import FORECASTERS
from cloud_optimizer.core.panel import Panel

TARGET: Final = "cpu_peak"
RATE_GOAL: Final = 50_000
MEMORY_GOAL: Final = 0.5  # GiB


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
    """Forecast a large fleet with each family, in workload-hours a second, and one ten times as large with the first.

    The larger one shows how time grows, and what memory the forecast takes beyond its own result.
    """
    settings = settings.model_copy(update={"targets": (TARGET,)})
    recent = panel.window(panel.end - settings.history_days * DAY, panel.end)
    fleet = enlarged(recent, count)
    fitted = {name: FORECASTERS[name]().fit(panel, settings) for name in families}
    measures, seconds = [], {}
    for name, model in fitted.items():
        with console.status(f"forecasting {count:,} workloads with {name}"):
            seconds[name] = _best(lambda: model.predict(fleet, fleet.end))  # noqa: B023
        rate = count * settings.horizon / seconds[name]
        title = f"predict, {name}, {count:,} workloads x {settings.horizon} h x {len(QUANTILE_LEVELS)} levels"
        goal, holds = f">= {RATE_GOAL:,}", rate >= RATE_GOAL
        measures.append(Measure(measure=title, value=rate, unit="workload-hours/s", goal=goal, holds=holds))
    first = families[0]
    large = enlarged(recent, 10 * count)
    with console.status(f"forecasting {10 * count:,} workloads with {first}"):
        growth, beyond = time_and_memory(fitted[first], large, seconds[first])
    title = f"predict, {first}, {10 * count:,} workloads"
    return [
        *measures,
        Measure(measure=f"{title}: time / that of a tenth", value=growth, unit="x", goal="<= 11", holds=growth <= 11),
        Measure(
            measure=f"{title}: memory beyond input and result",
            value=beyond,
            unit="GiB",
            goal=f"<= {MEMORY_GOAL:g}",
            holds=beyond <= MEMORY_GOAL,
        ),
    ]


def time_and_memory(fitted: FittedForecaster, fleet: Panel, tenth_seconds: float) -> tuple[float, float]:
    """Return the time of one forecast over that of a tenth, and the growth of peak memory beyond the result in GiB."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew (Linux)
    before = _memory("VmRSS")
    start = time.perf_counter()
    result = fitted.predict(fleet, fleet.end)
    seconds = time.perf_counter() - start
    grown = _memory("VmHWM") - before - sum(values.nbytes for values in result.values.values())
    return seconds / tenth_seconds, max(grown, 0) / 2**30


def _memory(field: str) -> int:
    """Return the resident memory of this process in bytes, VmRSS now or VmHWM at its peak."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))


def fit_speed(
    panel: Panel, families: Sequence[str], samples: int, windows: int, settings: ForecastSettings, console: Console
) -> list[Measure]:
    """Fit and forecast daily windows with each family, beside one cross-validation of mlforecast over as many.

    Both run as they come: families are fitted again every week, mlforecast at every window.
    """
    fleet = enlarged(panel, -(-samples // panel.length))
    forecast = settings.model_copy(update={"targets": (TARGET,)})
    frame = BacktestSettings(forecast=forecast, origins=windows, baselines=False)
    seconds = {}
    for name in families:
        with console.status(f"fitting {name} on {samples:,} workload-hours"):
            FORECASTERS[name]().fit(panel.rows([0]), forecast)  # imports are not counted, nor the peer's
            (run,) = backtest(fleet, [FORECASTERS[name]()], frame).runs.values()
            seconds[name] = run.fit_seconds + run.predict_seconds
    with console.status("cross-validation of mlforecast"):
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
    step = DAY // panel.step
    return _best(
        lambda: model.cross_validation(
            frame, windows, settings.horizon, step_size=step, refit=True, static_features=[]
        ),
        1,
    )


def _best(work: Callable[[], object], repeats: int = 2) -> float:
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
