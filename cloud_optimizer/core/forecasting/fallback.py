"""The forecast where a model is not trusted: quantiles of the workload's own recent history.

Used for cold starts, for series that were observed too rarely and for those silent (off) for a week; the forecast's
`fallback` flag says so.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import DAY, QUANTILE_LEVELS
from cloud_optimizer.core.forecasting.calibration import MEDIAN
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.history import known_median
from cloud_optimizer.core.panel import FloatArray

SILENT_SEASONS: Final = 7

LEVELS: Final = np.asarray(QUANTILE_LEVELS)


def too_short(observed: NDArray[np.float32], settings: ForecastSettings) -> NDArray[np.bool_]:
    """Return which workloads were observed for less than `minimum_history_days` altogether.

    Args:
        observed: Intervals of known demand before the origin, shape [n].
        settings: What is forecast and how far.

    Returns:
        Shape [n].
    """
    return np.asarray(observed < max(settings.minimum_history_days * DAY // settings.step, 1))


def silent(values: FloatArray, position: int, settings: ForecastSettings) -> NDArray[np.bool_]:
    """Return which workloads had no known demand in the last 7 seasons before `position`, shape [n]."""
    recent = values[:, max(position - SILENT_SEASONS * settings.season, 0) : max(position, 0)]
    return np.asarray(np.isnan(recent).all(axis=1))


def stand_in(values: FloatArray, position: int, settings: ForecastSettings) -> FloatArray:
    """Return the fallback forecast of workloads: quantiles of what is known of them around their newest level.

    Looks back `history_days`, or as far as the panel reaches for a workload that was silent longer.

    Args:
        values: Demand, shape [n, T].
        position: The origin on the time axis.
        settings: What is forecast and how far.

    Returns:
        Shape [n, horizon, levels]; NaN where nothing was ever known.
    """
    known = values[:, :position]
    recent = known[:, -(settings.history_days * DAY // settings.step) :]
    silent = np.isnan(recent).all(axis=1)
    quantiles = history_quantiles(recent, settings)
    quantiles[silent] = history_quantiles(known[silent], settings)
    middle = newest_level(known, settings.season)[:, None, None]
    quantiles[..., :MEDIAN] = np.minimum(quantiles[..., :MEDIAN], middle)
    quantiles[..., MEDIAN:] = np.maximum(quantiles[..., MEDIAN:], middle)
    quantiles[..., MEDIAN] = middle[..., 0]
    return quantiles


def newest_level(values: FloatArray, season: int) -> FloatArray:
    """Return the median of the newest `season` known values, shape [n]; NaN where nothing is known.

    A workload that is back, or new, goes on as it was last seen rather than as it was on the whole; a single value
    after a gap does not outvote the day before it: of 120 hours at 1 core, ten days off and an hour at 8 it is 1.
    """
    in_order = np.argsort(~np.isnan(values), axis=1, kind="stable")  # the known ones last, oldest first
    return known_median(np.take_along_axis(values, in_order[:, -season:], axis=1))


def history_quantiles(history: FloatArray, settings: ForecastSettings) -> FloatArray:
    """Return conservative quantiles of the known history, the same for every forecast interval.

    Upper quantiles take the (n + 1)-corrected order statistic of split conformal prediction, so few observations
    give wide intervals: of 12 hourly values the 0.95 quantile is the maximum (ceil(13 * 0.95) = 13 > 12).

    Args:
        history: Demand before the origin, shape [n, L].
        settings: What is forecast and how far.

    Returns:
        Shape [n, horizon, levels]; NaN where nothing is known.
    """
    ordered = np.sort(history, axis=-1)
    known = np.count_nonzero(~np.isnan(ordered), axis=-1)[:, None]
    rank = np.where(LEVELS >= 0.5, np.ceil((known + 1) * LEVELS), np.floor((known + 1) * LEVELS)) - 1
    place = np.clip(rank, 0, np.maximum(known - 1, 0)).astype(np.intp)
    quantiles = np.take_along_axis(ordered, place, axis=-1)
    return np.repeat(quantiles[:, None, :], settings.horizon, axis=1)
