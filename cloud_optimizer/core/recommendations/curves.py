"""The expected shortage of the next day as a function of capacity: recent history blended with the forecast."""

from typing import Final

import numpy as np

from cloud_optimizer.core.contracts import QUANTILE_LEVELS
from cloud_optimizer.core.recommendations.demand import DemandHistory
from cloud_optimizer.core.recommendations.settings import RecommendationSettings
from cloud_optimizer.core.sizing.curve import Array, ExceedanceCurve, geometric_candidates, sample_candidates
from cloud_optimizer.core.sizing.objective import Mask

HISTORY_CANDIDATES: Final = 64
FORECAST_CANDIDATES: Final = 32


def blend(
    history: DemandHistory,
    quantiles: tuple[Array, Array],
    trusted: bool,
    settings: RecommendationSettings,
) -> tuple[ExceedanceCurve, Mask]:
    """Return the expected shortage of the next day and where no forecast took part.

    Args:
        history: Demand up to the origin.
        quantiles: Forecast of the hourly mean and of the hourly peak, each [n, horizon, levels].
        trusted: Whether the forecast may be used at all.
        settings: Weights.
    """
    values, weights = history.samples_behind()
    age = np.tile(np.arange(history.hours)[::-1], 3)
    mean, peak = quantiles
    usable = np.asarray(np.isfinite(mean + peak).all(axis=(1, 2)) & trusted, dtype=np.bool_)
    decay = np.where(usable[:, None], settings.history.daily_decay ** (age // 24)[None, :], 1.0)
    grid = _grid(values, peak, usable)
    past = ExceedanceCurve.from_samples(values, np.nan_to_num(weights) * decay, grid)
    if not usable.any():
        return past, ~usable
    rows = np.flatnonzero(usable)
    shares = (1.0 - settings.peak_weight, settings.peak_weight)
    ahead = [ExceedanceCurve.from_quantiles(array[rows], QUANTILE_LEVELS, grid[rows]) for array in (mean, peak)]
    future = ExceedanceCurve.mixture((ahead[0], ahead[1]), shares)
    exceedance, unmet = past.exceedance.copy(), past.unmet.copy()
    weight = settings.forecast_weight
    exceedance[rows] = (1.0 - weight) * exceedance[rows] + weight * future.exceedance
    unmet[rows] = (1.0 - weight) * unmet[rows] + weight * future.unmet
    return ExceedanceCurve(grid, exceedance, unmet), ~usable


def _grid(values: Array, peak: Array, usable: Mask) -> Array:
    """Return ascending candidates [n, K]: sample values, and where there is a forecast its range up to the tail."""
    ordered = np.sort(values, axis=1)
    past = sample_candidates(ordered, np.isfinite(ordered).sum(axis=1), HISTORY_CANDIDATES)
    highest = past[:, -1]
    low, high = past[:, 0], highest.copy()
    rows = np.flatnonzero(usable)
    if rows.size:
        last, before = peak[rows, :, -1], peak[rows, :, -2]
        high[rows] = np.maximum(high[rows], np.max(last + 2.0 * (last - before), axis=1))
    ahead = geometric_candidates(low, high, FORECAST_CANDIDATES)
    return np.sort(np.concatenate([past, ahead], axis=1), axis=1)
