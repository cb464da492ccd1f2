"""Forecasts that repeat the past: same time of the last season, and the last value, with their own past errors.

They learn nothing at fit time: point and error distribution both come from the history before the origin.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from cloud_optimizer.core.contracts import DAY, QUANTILE_LEVELS, TARGETS_BY_NAME
from cloud_optimizer.core.forecasting.contract import ForecastSettings, QuantileForecast
from cloud_optimizer.core.forecasting.fallback import stand_in, too_short
from cloud_optimizer.core.forecasting.history import (
    future_after,
    history_before,
    known_median,
    known_quantiles,
    last_known,
    origin_position,
    seasonal_grid,
)
from cloud_optimizer.core.forecasting.saved import read_settings, write_description
from cloud_optimizer.core.panel import FloatArray, Panel

LEVELS: Final = np.asarray(QUANTILE_LEVELS)

PointRule = Callable[[FloatArray, ForecastSettings], FloatArray]
"""History [..., L] to point forecast [..., horizon]."""


def last_value(history: FloatArray, settings: ForecastSettings) -> FloatArray:
    """Repeat the last known value, shape [..., horizon]."""
    return np.repeat(last_known(history)[..., None], settings.horizon, axis=-1)


def same_time_last_season(history: FloatArray, settings: ForecastSettings) -> FloatArray:
    """Repeat the newest known value at the same time of the season, else the last value, shape [..., horizon]."""
    newest = last_known(seasonal_grid(history, settings.season, settings.horizon))
    return np.where(np.isnan(newest), last_value(history, settings), newest)


POINT_RULES: Final[dict[str, PointRule]] = {"seasonal_naive": same_time_last_season, "last_value": last_value}


@dataclass(frozen=True)
class NaiveForecaster:
    """A family of `POINT_RULES`.

    Args:
        name: Key of `POINT_RULES`.
    """

    name: str

    def fit(self, panel: Panel, settings: ForecastSettings) -> "FittedNaive":
        """Remember the settings; the panel teaches nothing that the history before an origin does not."""
        del panel
        return FittedNaive(self.name, settings)

    def load(self, folder: Path) -> "FittedNaive":
        """Read what `FittedNaive.save` wrote."""
        return FittedNaive(self.name, read_settings(folder))


@dataclass(frozen=True)
class FittedNaive:
    """A rule that repeats the past, with quantiles of its own past errors.

    Args:
        name: Key of `POINT_RULES`.
        settings: What is forecast and how far.
    """

    name: str
    settings: ForecastSettings

    def predict(self, panel: Panel, origin: datetime) -> QuantileForecast:
        """Forecast every workload; the median is the rule's value itself."""
        position = origin_position(panel, origin)
        values = {}
        fallback = np.zeros(len(panel.workload_ids), dtype=np.bool_)
        for target in self.settings.targets:
            observed = panel[TARGETS_BY_NAME[target].column]
            history = history_before(observed, np.array([position]), _history_length(self.settings))[:, 0]
            short = too_short(np.count_nonzero(~np.isnan(history), axis=-1).astype(np.float32), self.settings)
            quantiles = self._quantiles(observed, history, position)
            quantiles[short] = stand_in(observed[short], position, self.settings)
            values[target] = quantiles
            fallback |= short
        return QuantileForecast(panel.workload_ids, origin, panel.step, self.name, values, fallback)

    def save(self, folder: Path) -> None:
        """Write the settings as JSON."""
        write_description(folder, self.name, self.settings)

    def _quantiles(self, observed: FloatArray, history: FloatArray, position: int) -> FloatArray:
        point = POINT_RULES[self.name](history, self.settings)
        errors = self._past_errors(observed, position)
        spread = known_quantiles(errors, LEVELS) - known_median(errors)[..., None]
        quantiles = np.maximum(point[..., None] + np.nan_to_num(spread)[:, None, :], 0)
        return np.asarray(quantiles, dtype=np.float32)

    def _past_errors(self, observed: FloatArray, position: int) -> FloatArray:
        """Return errors of the rule from earlier origins, one horizon apart, shape [n, windows * horizon]."""
        settings = self.settings
        windows = max(_history_length(settings) // settings.horizon - 1, 1)
        origins = position - settings.horizon * np.arange(1, windows + 1)
        origins = origins[origins > 0]
        history = history_before(observed, origins, 2 * settings.season)
        actual = future_after(observed, origins, settings.horizon)
        errors = actual - POINT_RULES[self.name](history, settings)
        return np.reshape(errors, (len(observed), -1))


def _history_length(settings: ForecastSettings) -> int:
    return settings.history_days * DAY // settings.step
