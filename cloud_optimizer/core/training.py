"""Training as of a day: an out-of-time evaluation first, then the fit that is kept.

The evaluation fit sees nothing of the last `evaluation_days`; it forecasts them day by day and leaves its losses.
The kept fit is the same family on everything up to the as-of time.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.contracts import DAY, TARGETS
from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.core.evaluation.backtest import TABLE_COLUMNS, BacktestResult, backtest
from cloud_optimizer.core.evaluation.settings import BacktestSettings
from cloud_optimizer.core.forecasting.contract import FittedForecaster, Forecaster, ForecastSettings
from cloud_optimizer.core.panel import Panel


class TrainingSettings(BaseModel):
    """How much history a training reads and how it is judged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    history_days: int = Field(60, ge=8, le=400, description="Days of features a training reads.")
    evaluation_days: int = Field(7, ge=1, le=60, description="Last days, held out, on which candidates are compared.")


@dataclass(frozen=True)
class Trained:
    """A family fitted as of the panel's end.

    Args:
        fitted: The model that is kept.
        result: The out-of-time evaluation of its family.
        fit_seconds: Time of the kept fit.
        evaluated: The fit that was evaluated: it saw nothing of the held-out days.
    """

    fitted: FittedForecaster
    result: BacktestResult
    fit_seconds: float
    evaluated: FittedForecaster

    @property
    def metrics(self) -> dict[str, float]:
        """The out-of-time scores under names such as `cpu_peak.wape`, and the time of the fit."""
        rows = self.result.summary.to_dicts()
        names = [name for name in TABLE_COLUMNS if name not in {"model", "target"}]
        scores = {f"{row['target']}.{name}": row[name] for row in rows for name in names}
        return {**scores, "fit_seconds": self.fit_seconds}


@dataclass(frozen=True)
class Frozen:
    """A fitted model in the place of a family: what was trained earlier is scored as it is."""

    name: str
    fitted: FittedForecaster

    def fit(self, panel: Panel, settings: ForecastSettings) -> FittedForecaster:  # noqa: ARG002
        """Return the model as it is."""
        return self.fitted

    def load(self, folder: Path) -> FittedForecaster:  # noqa: ARG002
        """Return the model as it is."""
        return self.fitted


@dataclass
class _Remembering:
    """A family that keeps what it fitted last."""

    forecaster: Forecaster
    fitted: FittedForecaster | None = None

    @property
    def name(self) -> str:
        return self.forecaster.name

    def fit(self, panel: Panel, settings: ForecastSettings) -> FittedForecaster:
        self.fitted = self.forecaster.fit(panel, settings)
        return self.fitted

    def load(self, folder: Path) -> FittedForecaster:
        return self.forecaster.load(folder)


def evaluation_settings(training: TrainingSettings, forecast: ForecastSettings) -> BacktestSettings:
    """Return the frame in which all candidates of a day are scored: one fit, then daily origins."""
    return BacktestSettings(
        forecast=forecast,
        origins=training.evaluation_days,
        origin_spacing=DAY,
        refit_every=timedelta(days=training.evaluation_days + 1),
        minimum_history_days=forecast.minimum_history_days,
        baselines=False,
    )


def evaluate(forecaster: Forecaster, panel: Panel, settings: BacktestSettings) -> BacktestResult:
    """Score one family out of time.

    Raises:
        CloudOptimizerError: The family failed; the message names it and the cause.
    """
    result = backtest(panel, [forecaster], settings)
    if result.failures:
        raise CloudOptimizerError(f"{forecaster.name} cannot be evaluated: {result.failures[forecaster.name]}")
    return result


def train(
    forecaster: Forecaster,
    panel: Panel,
    training: TrainingSettings,
    forecast: ForecastSettings,
    clock: Callable[[], float] = time.perf_counter,
) -> Trained:
    """Evaluate a family out of time on the panel's last days, then fit it on the whole panel.

    Raises:
        CloudOptimizerError: The family failed; the message names it and the cause.
        InputError: The panel is too short to hold out a single day.
    """
    result, evaluated = _evaluated(forecaster, panel, training, forecast)
    start = clock()
    try:
        fitted = forecaster.fit(panel, forecast.model_copy(update={"targets": result.plan.targets}))
    except Exception as error:
        raise CloudOptimizerError(f"{forecaster.name} cannot be fitted: {type(error).__name__}: {error}") from error
    return Trained(fitted, result, clock() - start, evaluated)


def score_fitted(
    fitted: FittedForecaster,
    forecaster: Forecaster,
    panel: Panel,
    training: TrainingSettings,
    forecast: ForecastSettings,
) -> Trained:
    """Evaluate a model that was fitted elsewhere, in the frame of the other candidates.

    Args:
        fitted: As of the panel's end; it is kept.
        forecaster: Fits its like on a panel that holds nothing of the held-out days.
        panel: What the candidates of the day are trained on.
        training: Which days are held out.
        forecast: What is forecast.

    Raises:
        CloudOptimizerError: It cannot be evaluated; the message names it and the cause.
    """
    result, evaluated = _evaluated(forecaster, panel, training, forecast)
    return Trained(fitted, result, 0.0, evaluated)


def _evaluated(
    forecaster: Forecaster, panel: Panel, training: TrainingSettings, forecast: ForecastSettings
) -> tuple[BacktestResult, FittedForecaster]:
    """Return the out-of-time evaluation of a family and the fit that was evaluated."""
    remembering = _Remembering(forecaster)
    result = evaluate(remembering, panel, evaluation_settings(training, forecast))
    assert remembering.fitted is not None  # else there is no result
    return result, remembering.fitted


def observed_part(panel: Panel) -> Panel:
    """Return the panel from its first observed interval on: a short history is short, not long and empty."""
    seen = np.zeros(panel.length, dtype=np.bool_)
    for target in TARGETS:
        if target.column in panel.columns:
            seen |= ~np.isnan(panel[target.column]).all(axis=0)
    first = int(seen.argmax()) if seen.any() else 0
    return panel.window(panel.start + first * panel.step, panel.end)


def data_version(panel: Panel) -> str:
    """Return a digest of all a training sees: equal data give an equal version, whenever they were read."""
    digest = hashlib.sha256(repr((panel.workload_ids, panel.start, panel.step)).encode())
    for name in sorted(panel.columns):
        digest.update(name.encode() + np.ascontiguousarray(panel[name]).tobytes())
    return digest.hexdigest()[:16]
