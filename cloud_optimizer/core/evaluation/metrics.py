"""Accuracy of point and quantile forecasts, on whole arrays.

`actual` and point forecasts share a shape [..., horizon]; quantile forecasts have one more axis, the levels. An
actual of NaN was not observed and is left out everywhere; a forecast of NaN where an actual was observed makes the
result NaN, so that a model cannot improve its score by keeping silent. Ratios without demand to divide by are NaN.
Sums run in float64 whatever the inputs are.

Worked example, used in the docstrings: actual (10, 20, unobserved), median forecast (12, 15, 7).
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import QUANTILE_LEVELS

Array = NDArray[np.floating[Any]]
Float64Array = NDArray[np.float64]

CENTRAL_80: Final = (0.1, 0.9)
CENTRAL_95: Final = (0.025, 0.975)

MINIMUM_SCALE_RATIO: Final = 1e-3
"""A seasonal-naive error below this share of the series' mean size is no scale: see `seasonal_naive_scale`."""


def total(values: Array, axis: int | tuple[int, ...] | None = None) -> Float64Array:
    """Sum in float64. Unlike np.nansum it does not hide NaN: pass values through `where_observed` first."""
    return np.asarray(np.sum(values, axis=axis, dtype=np.float64))


def ratio(numerator: Array | float, denominator: Array | float) -> Float64Array:
    """Divide; NaN where the denominator is not above 0: a ratio to no demand is unknown, not infinite."""
    top, bottom = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    top, bottom = np.broadcast_arrays(top, bottom)
    return np.asarray(np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0))


def where_observed(values: Array, actual: Array) -> Array:
    """Return `values` with 0 where `actual` (same shape) was not observed, so that sums leave those points out."""
    return np.where(np.isnan(actual), 0, values)


def wape(actual: Array, forecast: Array) -> float:
    """Weighted absolute percentage error, pooled over everything: sum |y - f| / sum |y|.

    Example: (|10 - 12| + |20 - 15|) / (10 + 20) = 7 / 30 = 0.2333.
    """
    error = where_observed(np.abs(actual - forecast), actual)
    return float(ratio(total(error), total(where_observed(np.abs(actual), actual))))


def wape_by_series(actual: Array, forecast: Array) -> Float64Array:
    """WAPE of every row of [n, ...], shape [n]; NaN for a row without observed demand. Take np.nanmedian of it."""
    axes = tuple(range(1, actual.ndim))
    error = where_observed(np.abs(actual - forecast), actual)
    return ratio(total(error, axes), total(where_observed(np.abs(actual), actual), axes))


def seasonal_naive_scale(history: Array, season: int) -> Float64Array:
    """In-sample mean absolute error of the seasonal naive forecast, shape [n], of a history [n, T].

    Hyndman and Koehler (2006), "Another look at measures of forecast accuracy". Only pairs with both ends observed
    count. NaN (the series has no MASE) without such a pair, and where the scale is below MINIMUM_SCALE_RATIO of the
    mean size of the history: dividing by a constant series' zero would drown every other series.
    Example, season 2: history (1, 4, 3, 8) gives (|3 - 1| + |8 - 4|) / 2 = 3.
    """
    history = np.asarray(history, np.float64)
    if history.shape[1] <= season:
        return np.full(len(history), np.nan)
    scale = _mean_of_known(np.abs(history[:, season:] - history[:, :-season]))
    floor = MINIMUM_SCALE_RATIO * _mean_of_known(np.abs(history))
    return np.where((scale > 0) & (scale >= floor), scale, np.nan)


def mase_by_series(actual: Array, forecast: Array, scale: Array) -> Float64Array:
    """Mean absolute error of every row of [n, ...] divided by its `scale` [n]; NaN where a row has none.

    Example: ((2 + 5) / 2) / 7 = 0.5 with a scale of 7.
    """
    axes = tuple(range(1, actual.ndim))
    error = total(where_observed(np.abs(actual - forecast), actual), axes)
    return ratio(ratio(error, np.sum(~np.isnan(actual), axis=axes)), scale)


def pinball_loss(actual: Array, quantiles: Array, levels: Sequence[float] = QUANTILE_LEVELS) -> Array:
    """Pinball loss max(a (y - q), (a - 1) (y - q)) of every level a, shape [..., levels]; NaN where unobserved.

    Koenker and Bassett (1978). Example: y = 10, level 0.9: q = 12 costs 0.1 * 2 = 0.2, q = 8 costs 0.9 * 2 = 1.8.
    """
    level = np.asarray(levels, dtype=quantiles.dtype)
    gap = actual[..., None] - quantiles
    return np.maximum(level * gap, (level - 1) * gap)


def quantile_score(actual: Array, quantiles: Array, levels: Sequence[float] = QUANTILE_LEVELS) -> Array:
    """Twice the mean pinball loss over the levels, in the target's unit, shape [...]; NaN where unobserved.

    With the single level 0.5 it is the absolute error of the median.
    """
    return np.asarray(2 * pinball_loss(actual, quantiles, levels).mean(axis=-1))


def weighted_quantile_loss(actual: Array, quantiles: Array, levels: Sequence[float] = QUANTILE_LEVELS) -> float:
    """WQL: mean over levels of 2 * sum of pinball loss / sum |y|, pooled over everything.

    Park et al. (2022), as in GluonTS. Example with the one level 0.9 and quantiles (12, 15, 7):
    2 * (0.1 * 2 + 0.9 * 5) / 30 = 0.3133. With the one level 0.5 it equals `wape` of the median.
    """
    score = where_observed(quantile_score(actual, quantiles, levels), actual)
    return float(ratio(total(score), total(where_observed(np.abs(actual), actual))))


def crps(actual: Array, quantiles: Array, levels: Sequence[float] = QUANTILE_LEVELS) -> Array:
    """Continuous ranked probability score 2 * integral of the pinball loss over all levels, shape [...].

    Gneiting and Raftery (2007). The trapezoid rule over the given levels, the outer quantiles held constant to the
    levels 0 and 1. `quantile_score` weighs the given levels equally instead; on equally spaced levels both agree.
    Example: y = 3 and all quantiles 1 (a point forecast) give |3 - 1| = 2.
    """
    ends = np.concatenate([quantiles[..., :1], quantiles, quantiles[..., -1:]], axis=-1)
    level = np.asarray([0.0, *levels, 1.0])
    return np.asarray(2 * np.trapezoid(pinball_loss(actual, ends, level.tolist()), level, axis=-1))


def inside(
    actual: Array, quantiles: Array, bounds: tuple[float, float], levels: Sequence[float] = QUANTILE_LEVELS
) -> NDArray[np.bool_]:
    """Tell which actuals lie in [q(bounds[0]), q(bounds[1])], ends included, shape [...]; unobserved ones do not."""
    lower, upper = (quantiles[..., tuple(levels).index(bound)] for bound in bounds)
    return np.asarray((actual >= lower) & (actual <= upper))


def coverage(
    actual: Array, quantiles: Array, bounds: tuple[float, float], levels: Sequence[float] = QUANTILE_LEVELS
) -> float:
    """Share of observed actuals inside the interval between two levels: CENTRAL_80 should give 0.8."""
    hits = int(np.count_nonzero(inside(actual, quantiles, bounds, levels)))
    return float(ratio(hits, int(np.count_nonzero(~np.isnan(actual)))))


def over_forecast_ratio(actual: Array, forecast: Array) -> float:
    """Forecast above the actual, sum max(f - y, 0) / sum |y|. Example: 2 / 30. Both ratios add up to `wape`."""
    excess = where_observed(np.maximum(forecast - actual, 0), actual)
    return float(ratio(total(excess), total(where_observed(np.abs(actual), actual))))


def under_forecast_ratio(actual: Array, forecast: Array) -> float:
    """Forecast below the actual, sum max(y - f, 0) / sum |y|. Example: 5 / 30. Both ratios add up to `wape`."""
    return over_forecast_ratio(-actual, -forecast)


def _mean_of_known(values: Float64Array) -> Float64Array:
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0).sum(axis=1), known.sum(axis=1))
