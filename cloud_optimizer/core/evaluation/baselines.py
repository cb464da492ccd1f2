"""Naive forecasts that every model has to beat, with quantiles from their own past errors.

They are pure yardsticks: no fallback for short histories, no state, never registered. The naive model families,
which can become champion, live in core.forecasting.naive.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from cloud_optimizer.core.contracts import DAY, QUANTILE_LEVELS, TARGETS_BY_NAME
from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.core.forecasting.contract import FittedForecaster, ForecastSettings, QuantileForecast
from cloud_optimizer.core.forecasting.history import known_mean, known_quantiles, last_known
from cloud_optimizer.core.panel import FloatArray, Panel

PointRule = Callable[[FloatArray, int, int], FloatArray]
"""(history [n, T], intervals of a day, horizon) to point forecasts [n, horizon]; NaN where the rule has no data."""

EMPIRICAL_DAYS: Final = 7
LEVELS: Final = np.asarray(QUANTILE_LEVELS)


def last_value(history: FloatArray, day: int, horizon: int) -> FloatArray:  # noqa: ARG001 - one signature for rules
    """Repeat the last observed value."""
    return np.repeat(last_known(history)[:, None], horizon, axis=1)


def same_time(history: FloatArray, day: int, horizon: int, days_back: int) -> FloatArray:
    """Repeat the values of `days_back` days ago; a longer horizon repeats them again."""
    season = day * days_back
    if history.shape[1] < season:
        return np.full((len(history), horizon), np.nan, dtype=np.float32)
    return np.tile(history[:, -season:], -(-horizon // season))[:, :horizon]


def same_time_yesterday(history: FloatArray, day: int, horizon: int) -> FloatArray:
    """Repeat yesterday."""
    return same_time(history, day, horizon, 1)


def same_time_last_week(history: FloatArray, day: int, horizon: int) -> FloatArray:
    """Repeat the day one week ago."""
    return same_time(history, day, horizon, 7)


def past_day_mean(history: FloatArray, day: int, horizon: int) -> FloatArray:
    """Repeat the mean of what was observed in the last day."""
    return np.repeat(known_mean(history[:, -day:])[:, None], horizon, axis=1)


POINT_RULES: Final[Mapping[str, PointRule]] = {
    "naive_last_value": last_value,
    "naive_same_hour_yesterday": same_time_yesterday,
    "naive_same_hour_last_week": same_time_last_week,
    "naive_past_day_mean": past_day_mean,
}

EMPIRICAL: Final = "empirical_quantiles"
BASELINE_NAMES: Final = (*POINT_RULES, EMPIRICAL)


def filled_points(rule: PointRule, history: FloatArray, day: int, horizon: int) -> FloatArray:
    """Apply a rule and fall back to the last value where it has no data."""
    points = rule(history, day, horizon)
    return np.asarray(np.where(np.isnan(points), last_value(history, day, horizon), points), dtype=np.float32)


def past_errors(rule: PointRule, history: FloatArray, day: int, horizon: int, days: int) -> FloatArray:
    """Errors (actual - forecast) of a rule from daily origins of the last `days` days, [n, days * horizon]."""
    errors = []
    for back in range(day, days * day + 1, day):
        origin = history.shape[1] - max(back, horizon)
        if origin < day:
            break
        actual = history[:, origin : origin + horizon]
        errors.append(actual - filled_points(rule, history[:, :origin], day, horizon))
    return np.concatenate(errors, axis=1) if errors else np.full((len(history), 1), np.nan, dtype=np.float32)


def naive_quantiles(rule: PointRule, history: FloatArray, day: int, horizon: int, days: int) -> FloatArray:
    """Quantiles [n, horizon, levels] of a rule: its point is the median, quantiles of its past errors the spread."""
    points = filled_points(rule, history, day, horizon)
    spread = np.nan_to_num(known_quantiles(past_errors(rule, history, day, horizon, days), LEVELS))
    spread = np.where(LEVELS < 0.5, np.minimum(spread, 0), np.where(LEVELS > 0.5, np.maximum(spread, 0), 0))
    return np.asarray(np.maximum(points[:, :, None] + spread[:, None, :], 0), dtype=np.float32)


def empirical_quantiles(history: FloatArray, day: int, horizon: int) -> FloatArray:
    """Quantiles of what was observed in the last week, the same for the whole horizon, [n, horizon, levels]."""
    quantiles = known_quantiles(history[:, -EMPIRICAL_DAYS * day :], LEVELS)
    quantiles = np.where(np.isnan(quantiles), last_value(history, day, 1), quantiles)
    return np.repeat(quantiles[:, None, :], horizon, axis=1)


@dataclass(frozen=True)
class Baseline:
    """A naive rule behind the forecaster contract, so that the backtest treats it like any model."""

    name: str

    def fit(self, panel: Panel, settings: ForecastSettings) -> FittedForecaster:
        """Remember the settings; a rule learns nothing."""
        del panel
        return FittedBaseline(self.name, settings)

    def load(self, folder: Path) -> FittedForecaster:
        """Refuse: a baseline is never registered."""
        raise CloudOptimizerError(f"{self.name} is a yardstick and is not kept in {folder}; load a model family.")


@dataclass(frozen=True)
class FittedBaseline:
    """A naive rule that knows what is forecast and how far."""

    name: str
    settings: ForecastSettings

    def predict(self, panel: Panel, origin: datetime) -> QuantileForecast:
        """Forecast every target from `origin`; NaN for a workload without any observed value."""
        past = panel.window(max(panel.start, origin - self.settings.history_days * DAY), origin)
        values = {name: self._target(past[TARGETS_BY_NAME[name].column]) for name in self.settings.targets}
        nothing = np.zeros(len(panel.workload_ids), dtype=np.bool_)
        return QuantileForecast(panel.workload_ids, origin, panel.step, self.name, values, nothing)

    def _target(self, history: FloatArray) -> FloatArray:
        day, horizon = DAY // self.settings.step, self.settings.horizon
        if self.name == EMPIRICAL:
            return empirical_quantiles(history, day, horizon)
        return naive_quantiles(POINT_RULES[self.name], history, day, horizon, self.settings.calibration_days)

    def save(self, folder: Path) -> None:
        """Refuse: a baseline is never registered."""
        raise CloudOptimizerError(f"{self.name} is a yardstick and is not saved to {folder}; register a model family.")
