"""What policies read: statistics of the slots before each decision, computed once and shared."""

from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import Resource
from cloud_optimizer.core.replay.data import ReplayData

Array = NDArray[np.float64]

LEVELS = (0.5, 0.6, 0.66, 0.9, 0.95, 0.96, 0.98, 0.99)
"""Quantiles that policies ask for: one sort serves all of them."""

BLOCK = 256
"""Workloads sorted at once: 14 days at 5 minutes are 4 MB."""


@dataclass(frozen=True)
class WindowStatistics:
    """Statistics of trailing windows, one column a decision: quantiles [L, n, D], maximum and count [n, D]."""

    quantiles: Array
    maximum: Array
    count: NDArray[np.intp]


@dataclass(frozen=True)
class History:
    """Data of one resource with the decisions to take on it.

    Args:
        data: Usage and capacity; a decision may only look at slots before it.
        decisions: Slots at which decisions are taken, ascending, at most T, shape [D].
        period: Slots from one decision to the next.
        lag: Slots until a decision takes effect.
        resource: What is sized.
    """

    data: ReplayData
    decisions: NDArray[np.intp]
    period: int
    lag: int
    resource: Resource
    _windows: dict[int, WindowStatistics] = field(default_factory=dict, repr=False)

    def window(self, decision: int, length: timedelta) -> NDArray[np.float32]:
        """Return the usage in the `length` before a decision as a view, shape [n, <= window]."""
        return self.data.usage[:, max(decision - self.data.slots(length), 0) : decision]

    def statistics(self, length: timedelta) -> WindowStatistics:
        """Return the statistics of the `length` before every decision; quantiles interpolate linearly."""
        slots = self.data.slots(length)
        if slots not in self._windows:
            self._windows[slots] = self._compute(length)
        return self._windows[slots]

    def quantile(self, length: timedelta, level: float) -> Array:
        """Return a quantile (one of `LEVELS`) of the `length` before every decision, shape [n, D]."""
        return np.asarray(self.statistics(length).quantiles[LEVELS.index(level)])

    def _compute(self, length: timedelta) -> WindowStatistics:
        shape = (len(self.data.usage), len(self.decisions))
        result = WindowStatistics(
            np.full((len(LEVELS), *shape), np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=np.intp)
        )
        for column, decision in enumerate(self.decisions):
            window = self.window(int(decision), length)
            for first in range(0, len(window) if window.shape[1] else 0, BLOCK):
                rows = slice(first, first + BLOCK)
                ordered = np.sort(window[rows], axis=1)  # NaN last
                count = np.isfinite(ordered).sum(axis=1)
                result.count[rows, column] = count
                result.maximum[rows, column] = _order_statistic(ordered, count, 1.0)
                for row, level in enumerate(LEVELS):
                    result.quantiles[row, rows, column] = _order_statistic(ordered, count, level)
        return result

    def provisioned(self) -> Array:
        """Return the last provisioned capacity known before every decision, shape [n, D]; NaN before the first."""
        known = np.isfinite(self.data.capacity)
        position = np.maximum.accumulate(np.where(known, np.arange(self.data.length), -1), axis=1)
        last = np.take_along_axis(self.data.capacity, np.maximum(position, 0), axis=1)
        return self._before(np.where(position >= 0, last, np.float32(np.nan)))

    def highest(self) -> Array:
        """Return the highest usage known before every decision, shape [n, D]; NaN before the first."""
        return self._before(np.fmax.accumulate(self.data.usage, axis=1))

    def _before(self, values: NDArray[np.float32]) -> Array:
        at = values[:, np.maximum(self.decisions - 1, 0)].astype(np.float64)
        return np.where(self.decisions > 0, at, np.nan)


def nan_quantile(values: NDArray[np.float32], level: float) -> Array:
    """Return the linearly interpolated quantile over the last axis, ignoring NaN; NaN without a value."""
    ordered = np.sort(values, axis=-1)
    return _order_statistic(ordered, np.isfinite(ordered).sum(axis=-1), level)


def _order_statistic(ordered: NDArray[np.float32], count: NDArray[np.intp], level: float) -> Array:
    """Return the linearly interpolated quantile of ascending values, `count` of them known, over the last axis."""
    position = level * np.maximum(count - 1, 0)
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    low = np.take_along_axis(ordered, below[..., None], axis=-1)[..., 0].astype(np.float64)
    high = np.take_along_axis(ordered, above[..., None], axis=-1)[..., 0].astype(np.float64)
    return np.asarray(low + (position - below) * (high - low))
