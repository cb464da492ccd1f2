"""Rolling-origin evaluation of forecasters on one panel: only the past at every origin.

The engine knows nothing about model families; they come in behind the contract of core.forecasting.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import DAY, TARGETS_BY_NAME
from cloud_optimizer.core.evaluation.baselines import BASELINE_NAMES, Baseline
from cloud_optimizer.core.evaluation.metrics import Float64Array, seasonal_naive_scale
from cloud_optimizer.core.evaluation.origins import OriginPlan, actual_at, plan_origins
from cloud_optimizer.core.evaluation.scores import WindowScores, pooled_row, step_frame, workload_frame
from cloud_optimizer.core.evaluation.settings import BacktestSettings
from cloud_optimizer.core.forecasting.contract import FittedForecaster, Forecaster, QuantileForecast
from cloud_optimizer.core.panel import Panel

Progress = Callable[[int, int, str], None]
"""(origins done, origins in all, what is running)."""

TABLE_COLUMNS: Final = (
    "model",
    "target",
    "mase",
    "wape",
    "wape_median",
    "wql",
    "coverage_80",
    "coverage_95",
    "fit_seconds",
    "predict_seconds",
    "series",
    "windows",
)


@dataclass(frozen=True)
class ModelRun:
    """What one model did: scores by target, time spent, and workload-origins that got its fallback forecast."""

    scores: Mapping[str, WindowScores]
    fit_seconds: float
    predict_seconds: float
    fallbacks: int


@dataclass(frozen=True)
class BacktestResult:
    """Scores of all models in one frozen frame.

    Args:
        workload_ids: Rows of every score array.
        plan: Origins, targets and which workloads count; the columns of every score array.
        scales: Target to the in-sample scale of MASE, [n, origins].
        runs: Model name to what it did, baselines last.
        failures: Model name to why it has no scores.
    """

    workload_ids: tuple[str, ...]
    plan: OriginPlan
    scales: Mapping[str, Float64Array]
    runs: Mapping[str, ModelRun]
    failures: Mapping[str, str]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know beside the numbers."""
        failed = tuple(f"{name} failed and has no scores: {reason}" for name, reason in self.failures.items())
        return self.plan.notes + failed

    @property
    def summary(self) -> pl.DataFrame:
        """One row a model and target: TABLE_COLUMNS, then over- and under-forecast ratio and fallbacks.

        Seconds are those of the whole model divided by its targets, so that a sum over rows is the time spent.
        """
        rows = [
            {
                "model": name,
                "target": target,
                **pooled_row(scores, self.scales[target]),
                "fit_seconds": run.fit_seconds / len(run.scores),
                "predict_seconds": run.predict_seconds / len(run.scores),
                "fallbacks": run.fallbacks,
            }
            for name, run in self.runs.items()
            for target, scores in run.scores.items()
        ]
        frame = pl.DataFrame(rows).fill_nan(None)
        return frame.select(*TABLE_COLUMNS, "over_forecast_ratio", "under_forecast_ratio", "fallbacks")

    @property
    def per_step(self) -> pl.DataFrame:
        """One row a model, target and step ahead."""
        return self._stacked(lambda _, scores: step_frame(scores))

    @property
    def per_workload(self) -> pl.DataFrame:
        """One row a model, target and scored workload."""
        return self._stacked(lambda target, scores: workload_frame(scores, self.scales[target], self.workload_ids))

    def _stacked(self, table: Callable[[str, WindowScores], pl.DataFrame]) -> pl.DataFrame:
        frames = [
            table(target, scores).select(pl.lit(name).alias("model"), pl.lit(target).alias("target"), pl.all())
            for name, run in self.runs.items()
            for target, scores in run.scores.items()
        ]
        return pl.concat(frames)


def backtest_rows(result: BacktestResult) -> list[dict[str, Any]]:
    """Return the summary as JSON can hold it: one object a model and target with exactly TABLE_COLUMNS."""
    return result.summary.select(TABLE_COLUMNS).to_dicts()


def backtest(
    panel: Panel,
    forecasters: Sequence[Forecaster],
    settings: BacktestSettings,
    progress: Progress = lambda _done, _all, _what: None,
    clock: Callable[[], float] = time.perf_counter,
) -> BacktestResult:
    """Score every forecaster at the same origins on the same observed intervals.

    A forecaster that raises, leaves out a scored workload or crosses its quantiles is reported in `failures` and
    does not touch the others. Memory: the panel, one fitted model, one forecast and [n, origins] sums.

    Raises:
        InputError: The panel cannot be backtested with these settings.
    """
    plan = plan_origins(panel, settings)
    settings = settings.model_copy(update={"forecast": settings.forecast.model_copy(update={"targets": plan.targets})})
    frame = _Frame(panel, plan, settings, clock)
    models: list[Forecaster] = [*forecasters, *(Baseline(name) for name in BASELINE_NAMES if settings.baselines)]
    runs: dict[str, ModelRun] = {}
    failures: dict[str, str] = {}
    for done, model in enumerate(models):

        def report(position: int, what: str, done: int = done) -> None:
            progress(done * len(plan.origins) + position, len(models) * len(plan.origins), what)

        try:
            runs[model.name] = frame.run(model, report)
        except Exception as error:  # noqa: BLE001 - whatever a family raises, the others are still scored
            failures[model.name] = f"{type(error).__name__}: {error}"
    return BacktestResult(panel.workload_ids, plan, frame.scales(), runs, failures)


@dataclass(frozen=True)
class _Frame:
    """What is the same for every model of one backtest."""

    panel: Panel
    plan: OriginPlan
    settings: BacktestSettings
    clock: Callable[[], float]

    def run(self, model: Forecaster, report: Callable[[int, str], None]) -> ModelRun:
        shape = (len(self.panel.workload_ids), len(self.plan.origins), self.settings.forecast.horizon)
        scores = {target: WindowScores.empty(*shape) for target in self.plan.targets}
        fitted: FittedForecaster | None = None
        fitted_at, fit_seconds, predict_seconds, fallbacks = self.plan.origins[0], 0.0, 0.0, 0
        for position, origin in enumerate(self.plan.origins):
            past = self._past(origin)
            if fitted is None or origin - fitted_at >= self.settings.refit_every:
                report(position, f"fitting {model.name} as of {origin:%Y-%m-%d %H:%M}")
                start = self.clock()
                fitted, fitted_at = model.fit(past, self.settings.forecast), origin
                fit_seconds += self.clock() - start
            report(position, f"forecasting with {model.name} from {origin:%Y-%m-%d %H:%M}")
            start = self.clock()
            forecast = fitted.predict(past, origin)
            predict_seconds += self.clock() - start
            fallbacks += self._score(forecast, position, scores)
        return ModelRun(scores, fit_seconds, predict_seconds, fallbacks)

    def _score(self, forecast: QuantileForecast, position: int, scores: Mapping[str, WindowScores]) -> int:
        """Add one origin's forecast to the scores; return how many scored workloads got the fallback."""
        for target, target_scores in scores.items():
            scored = self.plan.scored[target][:, position]
            actual = actual_at(self.panel, target, forecast.origin, self.settings.forecast.horizon, scored)
            check_forecast(forecast, target, ~np.isnan(actual))
            target_scores.add(position, actual, forecast.values[target])
        anywhere = np.any([mask[:, position] for mask in self.plan.scored.values()], axis=0)
        return int((forecast.fallback & anywhere).sum())

    def _past(self, origin: datetime) -> Panel:
        days = self.settings.training_days
        start = self.panel.start if days is None else max(self.panel.start, origin - days * DAY)
        return self.panel.window(start, origin)

    def scales(self) -> dict[str, Float64Array]:
        """In-sample scale of MASE: all that lies before every origin, target to [n, origins]."""
        season = self.settings.forecast.season
        pasts = [self.panel.window(self.panel.start, origin) for origin in self.plan.origins]
        columns = {target: TARGETS_BY_NAME[target].column for target in self.plan.targets}
        return {
            target: np.stack([seasonal_naive_scale(past[column], season) for past in pasts], axis=1)
            for target, column in columns.items()
        }


def check_forecast(forecast: QuantileForecast, target: str, scored: NDArray[np.bool_]) -> None:
    """Refuse a forecast that leaves out a point in `scored` [n, horizon] or crosses its quantiles there.

    Raises:
        ValueError: Names the first workload concerned.
    """
    values = forecast.values[target]
    silent = scored & ~np.isfinite(values).all(axis=-1)
    crossed = scored & (np.diff(values, axis=-1) < 0).any(axis=-1)
    for bad, what in ((silent, "has no finite forecast"), (crossed, "has crossing quantiles")):
        if bad.any():
            workload = forecast.workload_ids[int(bad.any(axis=1).argmax())]
            raise ValueError(f"{target} of {workload} {what} at {forecast.origin:%Y-%m-%d %H:%M}")
