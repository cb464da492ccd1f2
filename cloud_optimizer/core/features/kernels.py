"""Compiled loops over [workload, time] blocks; imported by the functions that run them: numba takes 0.4 s to import.

Windows are laid on absolute time: `phase` is the number of steps from the epoch to the block's first column, modulo
the window. So a sum runs over the same values in the same order wherever a block starts, and a day built from its
history alone equals the same day of a long build to the last bit. Unknown is NaN and never enters a statistic.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.panel import FloatArray

Floats = NDArray[np.float64]
Value = np.floating[Any]


@numba.njit(cache=True, nogil=True)
def rolling_moments(
    values: FloatArray, first: int, window: int, phase: int, minimum: int, mean: FloatArray, std: FloatArray
) -> None:
    """Write mean and sample standard deviation of the `window` values up to and including each column from `first`.

    The time axis is cut into blocks of `window`; a window is the tail of one block and the head of the next. Both
    are accumulated from the cut by Welford's update and joined by Chan's formula (van Herk's scheme, for moments),
    so nothing is ever subtracted and rounding does not pile up. `std` of width 0 is not written.
    """
    rows, length = values.shape
    share = np.zeros(window + 1)
    for n in range(1, window + 1):
        share[n] = 1.0 / n
    counts, means, squares = np.zeros(window + 1, np.int64), np.zeros(window + 1), np.zeros(window + 1)
    for row in range(rows):
        block = first - (first + phase) % window
        while block < length:
            lowest = max(first, block) - window + 1  # earliest column a window of this block reaches
            n, level, spread = 0, 0.0, 0.0
            for column in range(block - 1, lowest - 1, -1):
                if column >= 0 and not np.isnan(values[row, column]):
                    n += 1
                    delta = values[row, column] - level
                    level += delta * share[n]
                    spread += delta * (values[row, column] - level)
                tail = column - block + window
                counts[tail], means[tail], squares[tail] = n, level, spread
            n, level, spread = 0, 0.0, 0.0
            for column in range(max(block, 0), min(block + window, length)):
                if not np.isnan(values[row, column]):
                    n += 1
                    delta = values[row, column] - level
                    level += delta * share[n]
                    spread += delta * (values[row, column] - level)
                if column >= first:
                    tail = column - block + 1  # `window` is the empty tail: its count stays 0
                    total = n + counts[tail]
                    weight = counts[tail] * share[total]
                    delta = means[tail] - level
                    known = total >= minimum
                    mean[row, column - first] = level + delta * weight if known else np.nan
                    if std.shape[1]:
                        deviation = spread + squares[tail] + delta * delta * n * weight
                        std[row, column - first] = np.sqrt(deviation * share[total - 1]) if known else np.nan
            block += window


@numba.njit(cache=True, nogil=True)
def rolling_extremes(
    values: FloatArray, first: int, window: int, phase: int, minimum: int, lowest: FloatArray, highest: FloatArray
) -> None:
    """Write minimum and maximum of each window by van Herk's scheme; an output of width 0 is not written."""
    rows, length = values.shape
    counts = np.zeros(window + 1, np.int64)
    lows, highs = np.full(window + 1, np.inf, np.float32), np.full(window + 1, -np.inf, np.float32)
    for row in range(rows):
        block = first - (first + phase) % window
        while block < length:
            n, low, high = 0, np.float32(np.inf), np.float32(-np.inf)
            for column in range(block - 1, max(first, block) - window, -1):
                if column >= 0 and not np.isnan(values[row, column]):
                    n += 1
                    low, high = min(low, values[row, column]), max(high, values[row, column])
                tail = column - block + window
                counts[tail], lows[tail], highs[tail] = n, low, high
            n, low, high = 0, np.float32(np.inf), np.float32(-np.inf)
            for column in range(max(block, 0), min(block + window, length)):
                if not np.isnan(values[row, column]):
                    n += 1
                    low, high = min(low, values[row, column]), max(high, values[row, column])
                if column >= first:
                    tail = column - block + 1
                    known = n + counts[tail] >= minimum
                    if lowest.shape[1]:
                        lowest[row, column - first] = min(low, lows[tail]) if known else np.nan
                    if highest.shape[1]:
                        highest[row, column - first] = max(high, highs[tail]) if known else np.nan
            block += window


@numba.njit(cache=True, nogil=True)
def _replace(old: FloatArray, new: FloatArray, leaving: Value, entering: Value) -> None:
    """Copy a sorted window with one value taken out and one put in; +inf stands for none and pads the window.

    With t = old without `leaving`, the sorted result is new[i] = max(t[i - 1], min(t[i], entering)). There is no
    branch and no search, so the compiler does 8 or 16 places at once. old[0] is -inf, the last place +inf.
    """
    for i in range(1, old.size - 1):
        before = old[i - 1] if old[i - 1] < leaving else old[i]
        here = old[i] if old[i] < leaving else old[i + 1]
        inserted = min(entering, here)
        new[i] = max(inserted, before)


@numba.njit(cache=True, nogil=True)
def rolling_quantiles(
    values: FloatArray,
    before: FloatArray,
    first: int,
    window: int,
    minimum: int,
    levels: Floats,
    targets: tuple[FloatArray, ...],
) -> None:
    """Write exact quantiles (linear interpolation) of each window to `targets[k]`, for `levels[k]`.

    The window is kept sorted: one value leaves, one enters. Level 0 is the minimum, level 1 the maximum. `before`
    holds each row's window before `first`, sorted, +inf for unknown: at most `window` columns.
    """
    rows, length = values.shape
    none = np.float32(np.inf)
    ordered, spare = np.full(window + 2, -none), np.full(window + 2, -none)
    for row in range(rows):
        ordered[1:], spare[1:] = none, none
        count = 0
        for value in before[row]:
            ordered[count + 1] = value
            count += int(value < none)
        for column in range(first, length):
            leaving = values[row, column - window] if column >= window else none
            leaving = none if np.isnan(leaving) else leaving
            entering = none if np.isnan(values[row, column]) else values[row, column]
            count += int(entering < none) - int(leaving < none)
            _replace(ordered, spare, leaving, entering)
            ordered, spare = spare, ordered
            for k in range(levels.size):
                result = np.nan
                if count >= minimum:
                    rank = (count - 1) * levels[k]
                    below = int(rank)
                    low = np.float64(ordered[below + 1])
                    high = np.float64(ordered[min(below + 1, count - 1) + 1])
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
