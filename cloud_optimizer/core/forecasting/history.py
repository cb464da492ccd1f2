"""What was known before an origin, cut out of the dense panel, and statistics of it that skip the unknown.

Nothing here looks at or after an origin: every function takes the intervals that end there.
"""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.panel import FloatArray, Panel

Positions = NDArray[np.intp]


def origin_position(panel: Panel, origin: datetime) -> int:
    """Return the position of the first forecast interval on the panel's axis; it may lie behind the last one.

    Raises:
        InputError: The origin is not the start of an interval.
    """
    offset = origin - panel.start
    if offset % panel.step:
        msg = f"the origin {origin.isoformat()} is not the start of a {panel.step} interval: round it down"
        raise InputError(msg)
    return offset // panel.step


def history_before(values: FloatArray, positions: Positions, length: int) -> FloatArray:
    """Return the `length` intervals before each origin, oldest first.

    Args:
        values: Shape [n, T].
        positions: Origins on the time axis, shape [k].
        length: Intervals to look back.

    Returns:
        Shape [n, k, length]; NaN where the panel does not reach.
    """
    behind = max(int(positions.max(initial=0)) - values.shape[1], 0)
    padded = np.pad(values, ((0, 0), (length, behind)), constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, length, axis=1)[:, positions]


def future_after(values: FloatArray, positions: Positions, horizon: int) -> FloatArray:
    """Return the `horizon` intervals from each origin on: what a model is trained on and scored with.

    Returns:
        Shape [n, k, horizon]; NaN where the panel does not reach.
    """
    return history_before(values, positions + horizon, horizon)


def known_quantiles(values: FloatArray, levels: NDArray[np.float64]) -> FloatArray:
    """Return linearly interpolated quantiles of the known entries of the last axis.

    Args:
        values: Shape [..., m].
        levels: Shape [q], 0..1.

    Returns:
        Shape [..., q]; NaN where nothing is known.
    """
    ordered = np.sort(values, axis=-1)  # NaN goes last
    known = np.count_nonzero(~np.isnan(ordered), axis=-1)[..., None]
    place = np.maximum(known - 1, 0) * levels
    lower = np.floor(place).astype(np.intp)
    upper = np.minimum(lower + 1, np.maximum(known - 1, 0))
    below = np.take_along_axis(ordered, lower, axis=-1)
    above = np.take_along_axis(ordered, upper, axis=-1)
    return np.asarray(below + (above - below) * (place - lower), dtype=np.float32)


def known_median(values: FloatArray) -> FloatArray:
    """Return the median of the known entries of the last axis, shape [...]; NaN where nothing is known."""
    ordered = np.sort(values, axis=-1)  # NaN goes last
    known = np.count_nonzero(~np.isnan(ordered), axis=-1)[..., None]
    below = np.take_along_axis(ordered, np.maximum(known - 1, 0) // 2, axis=-1)
    above = np.take_along_axis(ordered, np.minimum(known // 2, values.shape[-1] - 1), axis=-1)
    return np.asarray((below + above)[..., 0] / 2, dtype=np.float32)


def known_mean(values: FloatArray) -> FloatArray:
    """Return the mean of the known entries of the last axis, shape [...]; NaN where nothing is known."""
    known = ~np.isnan(values)
    count = np.count_nonzero(known, axis=-1)
    total = np.where(known, values, 0).sum(axis=-1, dtype=np.float64)
    mean = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return np.asarray(mean, dtype=np.float32)


def known_deviation(values: FloatArray) -> FloatArray:
    """Return the standard deviation of the known entries of the last axis, shape [...]; NaN where nothing is known."""
    deviation: FloatArray = np.sqrt(known_mean(np.square(values - known_mean(values)[..., None])))
    return deviation


def last_known(values: FloatArray) -> FloatArray:
    """Return the last known entry of the last axis, shape [...]; NaN where nothing is known."""
    since = np.argmax(~np.isnan(values[..., ::-1]), axis=-1)
    return np.take_along_axis(values, (values.shape[-1] - 1 - since)[..., None], axis=-1)[..., 0]


def seasonal_grid(history: FloatArray, season: int, horizon: int) -> FloatArray:
    """Return the intervals of earlier seasons that share their phase with each forecast interval.

    Args:
        history: Shape [..., L], ending at the origin.
        season: Intervals in a season.
        horizon: Forecast intervals.

    Returns:
        Shape [..., horizon, L // season]; the last entry is the newest season before the origin. Beyond one season
        the horizon repeats the phases: nothing newer is known.
    """
    seasons = history.shape[-1] // season
    grid = history[..., history.shape[-1] - seasons * season :].reshape(*history.shape[:-1], seasons, season)
    return np.swapaxes(grid, -1, -2)[..., np.arange(horizon) % season, :]
