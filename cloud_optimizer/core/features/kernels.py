"""Compiled loops over [workload, time] blocks; only build imports this module, because numba takes 0.4 s to import.

Windows are laid on absolute time: `phase` is the number of steps from the epoch to the block's first column, modulo
the window. So a sum runs over the same values in the same order wherever a block starts, and a day built from its
history alone equals the same day of a long build to the last bit. Unknown is NaN and never enters a statistic.
"""
# ruff: noqa: PLR0917 - compiled functions take their arguments by position

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.panel import FloatArray

Floats = NDArray[np.float64]
Value = np.floating[Any]


@numba.njit(cache=True, nogil=True)
def _merge(n1: int, mean1: float, m1: float, n2: int, mean2: float, m2: float) -> tuple[int, float, float]:
    """Join two groups' (count, mean, sum of squared deviations): Chan, Golub, LeVeque 1979."""
    n = n1 + n2
    if n1 == 0 or n2 == 0:
        return n, mean1 + mean2, m1 + m2  # the empty group holds zeros
    delta = mean2 - mean1
    return n, mean1 + delta * n2 / n, m1 + m2 + delta * delta * n1 * n2 / n


@numba.njit(cache=True, nogil=True)
def rolling_moments(
    values: FloatArray, first: int, window: int, phase: int, minimum: int, mean: FloatArray, std: FloatArray
) -> None:
    """Write mean and sample standard deviation of the `window` values up to and including each column from `first`.

    The time axis is cut into blocks of `window`; a window is the tail of one block and the head of the next, and
    both are accumulated from the cut by Welford's update (van Herk's scheme for moments), so nothing is subtracted
    and rounding does not pile up. An output of width 0 is not written.
    """
    rows, length = values.shape
    counts, means, squares = np.zeros(window + 1, np.int64), np.zeros(window + 1), np.zeros(window + 1)
    for row in range(rows):
        block = first - (first + phase) % window
        while block < length:
            lowest = max(first, block) - window + 1  # earliest column a window of this block reaches
            n, center, spread = 0, 0.0, 0.0
            for column in range(block - 1, lowest - 1, -1):
                value = np.float64(values[row, column]) if column >= 0 else np.nan
                if not np.isnan(value):
                    n += 1
                    delta = value - center
                    center += delta / n
                    spread += delta * (value - center)
                offset = column - block + window
                counts[offset], means[offset], squares[offset] = n, center, spread
            counts[window], means[window], squares[window] = 0, 0.0, 0.0
            n, center, spread = 0, 0.0, 0.0
            for column in range(max(block, 0), min(block + window, length)):
                value = np.float64(values[row, column])
                if not np.isnan(value):
                    n += 1
                    delta = value - center
                    center += delta / n
                    spread += delta * (value - center)
                if column < first:
                    continue
                tail = column - block + 1
                total, level, deviation = _merge(counts[tail], means[tail], squares[tail], n, center, spread)
                known = total >= minimum
                if mean.shape[1]:
                    mean[row, column - first] = level if known else np.nan
                if std.shape[1]:
                    std[row, column - first] = np.sqrt(deviation / (total - 1)) if known and total > 1 else np.nan
            block += window


@numba.njit(cache=True, nogil=True)
def _position(ordered: FloatArray, count: int, value: Value) -> int:
    """Return how many of the `count` sorted values are below `value`."""
    low, size = 0, count
    while size > 0:
        half = size >> 1
        if ordered[low + half] < value:
            low += half + 1
            size -= half + 1
        else:
            size = half
    return low


@numba.njit(cache=True, nogil=True)
def _replace(ordered: FloatArray, count: int, leaving: Value, entering: Value) -> int:
    """Take one value out of the sorted window and put one in (NaN: none); return the new count."""
    if not np.isnan(leaving):
        hole = _position(ordered, count, leaving)
        if not np.isnan(entering):
            if entering >= leaving:
                while hole + 1 < count and ordered[hole + 1] < entering:
                    ordered[hole] = ordered[hole + 1]
                    hole += 1
            else:
                while hole > 0 and ordered[hole - 1] > entering:
                    ordered[hole] = ordered[hole - 1]
                    hole -= 1
            ordered[hole] = entering
            return count
        for i in range(hole, count - 1):
            ordered[i] = ordered[i + 1]
        return count - 1
    if not np.isnan(entering):
        hole = count
        while hole > 0 and ordered[hole - 1] > entering:
            ordered[hole] = ordered[hole - 1]
            hole -= 1
        ordered[hole] = entering
        return count + 1
    return count


@numba.njit(cache=True, nogil=True)
def rolling_quantiles(
    values: FloatArray, first: int, window: int, minimum: int, levels: Floats, targets: tuple[FloatArray, ...]
) -> None:
    """Write exact quantiles (linear interpolation) of each window to `targets[k]`, for `levels[k]`.

    The window is kept sorted: one value leaves, one enters. Level 0 is the minimum, level 1 the maximum.
    """
    rows, length = values.shape
    ordered = np.empty(window + 1, np.float32)
    for row in range(rows):
        count = 0
        begin = max(first - window + 1, 0)
        for column in range(begin, first):
            value = values[row, column]
            if not np.isnan(value):
                ordered[count] = value
                count += 1
        ordered[:count].sort()
        for column in range(first, length):
            leaving = values[row, column - window] if column - window >= begin else np.float32(np.nan)
            count = _replace(ordered, count, leaving, values[row, column])
            for k in range(levels.size):
                result = np.nan
                if count >= minimum:
                    rank = (count - 1) * levels[k]
                    below = int(rank)
                    above = min(below + 1, count - 1)
                    low, high = np.float64(ordered[below]), np.float64(ordered[above])
                    result = low + (rank - below) * (high - low)
                targets[k][row, column - first] = result


@numba.njit(cache=True, nogil=True)
def same_time_moments(
    values: FloatArray,
    first: int,
    day: int,
    days: int,
    minimum: int,
    means: FloatArray,
    deviations: FloatArray,
    maxima: FloatArray,
) -> None:
    """Write mean, sample standard deviation and maximum of the values 1..`days` days before each column."""
    rows, length = values.shape
    for row in range(rows):
        for column in range(first, length):
            n, total, top = 0, 0.0, -np.inf
            for k in range(1, days + 1):
                value = np.float64(values[row, column - k * day]) if column >= k * day else np.nan
                if not np.isnan(value):
                    n += 1
                    total += value
                    top = max(top, float(value))
            mean, std = np.nan, np.nan
            if n >= minimum:
                mean, squares = total / n, 0.0
                for k in range(1, days + 1):
                    value = np.float64(values[row, column - k * day]) if column >= k * day else np.nan
                    if not np.isnan(value):
                        squares += (value - mean) ** 2
                std = np.sqrt(squares / (n - 1)) if n > 1 else np.nan
            means[row, column - first] = mean
            deviations[row, column - first] = std
            maxima[row, column - first] = top if n >= minimum else np.nan


@numba.njit(cache=True, nogil=True)
def across_workloads(
    values: FloatArray, count: Floats, total: Floats, mean: Floats, squares: Floats, top: Floats
) -> None:
    """Accumulate count, sum, mean, sum of squared deviations and maximum over the rows, each of shape [columns].

    Rows are added in order, so that the result does not depend on how the work is split.
    """
    rows, length = values.shape
    for row in range(rows):
        for column in range(length):
            value = np.float64(values[row, column])
            if not np.isnan(value):
                count[column] += 1
                total[column] += value
                delta = value - mean[column]
                mean[column] += delta / count[column]
                squares[column] += delta * (value - mean[column])
                top[column] = max(top[column], value)
