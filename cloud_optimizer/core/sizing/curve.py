"""How much of the time demand is expected above each candidate capacity, and how much of it stays unmet.

Curves come from samples of history, from forecast quantiles, or from a learned model. Choosing a capacity by them
is `core.sizing.objective`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CANDIDATES = 64
"""Candidate capacities of a curve: an optimum on them is within 1-2 % of the one on all sample values."""


@dataclass(frozen=True)
class ExceedanceCurve:
    """Expected shortage of n workloads as a function of capacity.

    Args:
        capacities: Candidate capacities in the resource's unit, shape [n, K], ascending in a row.
        exceedance: Expected share of the time with demand above the candidate, shape [n, K], 0..1, non-increasing;
            NaN in a whole row means unknown.
        unmet: Expected demand above the candidate, averaged over time, in the resource's unit, shape [n, K].
    """

    capacities: Array
    exceedance: Array
    unmet: Array

    def risk(self, capacity: Array) -> Array:
        """Return the expected share of the time above `capacity` [n], linear between candidates, 0 above the last."""
        return _interpolate(self.capacities, self.exceedance, capacity)

    def expected_unmet(self, capacity: Array) -> Array:
        """Return the expected unmet demand at `capacity` [n], in the resource's unit."""
        below = np.maximum(self.capacities[:, 0] - capacity, 0.0)
        return _interpolate(self.capacities, self.unmet, capacity) + below * self.exceedance[:, 0]

    @classmethod
    def from_exceedance(cls, capacities: Array, exceedance: Array) -> "ExceedanceCurve":
        """Make a curve from raw exceedance [n, K]: clipped to 0..1, made monotone, unmet as its integral above.

        Demand above the last candidate is taken as impossible (candidates reach the most a workload can use).
        """
        monotone = np.minimum.accumulate(np.clip(exceedance, 0.0, 1.0), axis=1)
        area = np.diff(capacities, axis=1) * (monotone[:, :-1] + monotone[:, 1:]) / 2.0
        unmet = np.zeros_like(monotone)
        unmet[:, :-1] = np.cumsum(area[:, ::-1], axis=1)[:, ::-1]
        return cls(capacities, monotone, unmet)

    @classmethod
    def from_samples(
        cls, samples: NDArray[np.floating], weights: Array | None = None, capacities: Array | None = None
    ) -> "ExceedanceCurve":
        """Make the weighted empirical curve of history.

        Args:
            samples: Usage, shape [n, m]; NaN is unobserved and carries no weight.
            weights: Weight of a sample, shape [m] or [n, m]; equal where missing.
            capacities: Candidates, shape [n, K]; else quantiles of the samples, dense in the tail, up to the maximum.
        """
        order = np.argsort(samples, axis=1)  # NaN last
        ordered = np.take_along_axis(samples, order, axis=1).astype(np.float64)
        known = np.isfinite(ordered)
        spread = np.broadcast_to(1.0 if weights is None else weights, samples.shape)
        weight = np.where(known, np.take_along_axis(spread, order, axis=1), 0.0)
        grid = sample_candidates(ordered, known.sum(axis=1)) if capacities is None else capacities
        exceedance, unmet = _weighted_tail(np.where(known, ordered, 0.0), weight, grid, known.sum(axis=1))
        return cls(grid, exceedance, unmet)

    @classmethod
    def from_quantiles(
        cls, quantiles: Array, levels: tuple[float, ...], capacities: Array | None = None
    ) -> "ExceedanceCurve":
        """Make the curve of a forecast: the exceedance averaged over the horizon.

        Between levels the distribution is linear; above the highest it has an exponential tail that continues the
        slope between the two highest; below the lowest everything exceeds.

        Args:
            quantiles: Forecast quantiles, shape [n, horizon, L], non-decreasing over L.
            levels: The L quantile levels, ascending, at least two.
            capacities: Candidates, shape [n, K]; else geometric from the lowest quantile to where the tail ends.
        """
        last, before = quantiles[:, :, -1], quantiles[:, :, -2]
        # P(X > x) = (1 - p_last) exp(-(x - q_last)/scale), and it passes through (q_before, 1 - p_before)
        scale = (last - before) / np.log((1.0 - levels[-2]) / (1.0 - levels[-1]))
        if capacities is None:
            end = np.max(last + 4.0 * scale, axis=1)  # 1 - p_last shrinks by e^-4: 0.01 to 0.0002
            capacities = geometric_candidates(np.min(quantiles[:, :, 0], axis=1), end)
        steps = (
            _step_exceedance(quantiles[:, step], scale[:, step], levels, capacities)
            for step in range(quantiles.shape[1])
        )
        total = sum(steps, np.zeros_like(capacities))
        return cls.from_exceedance(capacities, total / quantiles.shape[1])

    @classmethod
    def mixture(cls, curves: tuple["ExceedanceCurve", ...], weights: tuple[float, ...]) -> "ExceedanceCurve":
        """Mix curves over the same candidates, e.g. a forecast of the mean and one of the peak, or two models."""
        share = np.asarray(weights) / sum(weights)
        exceedance = np.einsum("m,mnk->nk", share, np.stack([curve.exceedance for curve in curves]))
        unmet = np.einsum("m,mnk->nk", share, np.stack([curve.unmet for curve in curves]))
        return cls(curves[0].capacities, exceedance, unmet)


def geometric_candidates(low: Array, high: Array, count: int = CANDIDATES) -> Array:
    """Return `count` candidates a row from `low` [n] to `high` [n] at equal ratios; at least 1e-4 of `high`."""
    top = np.maximum(high, 1e-12)
    bottom = np.clip(low, 1e-4 * top, top)
    steps: Array = np.linspace(0.0, 1.0, count)
    return np.asarray(bottom[:, None] * (top / bottom)[:, None] ** steps)


def sample_candidates(ordered: Array, known: NDArray[np.intp], count: int = CANDIDATES) -> Array:
    """Return order statistics as candidates: tail shares from 1 down to one sample at equal ratios, then the maximum.

    The argmin of cost + price * exceedance over all capacities always lies on a sample value.

    Args:
        ordered: Samples ascending in a row, NaN last, shape [n, m].
        known: Observed samples of a row, shape [n]; a row without any gets zeros.
        count: Candidates a row.
    """
    share = np.geomspace(1.0, 1.0 / np.maximum(known, 1), count).T  # [n, count], descending
    rank = np.clip(np.round((1.0 - share) * known[:, None]), 0, np.maximum(known - 1, 0)[:, None]).astype(np.intp)
    return np.nan_to_num(np.take_along_axis(ordered, rank, axis=1))


def _interpolate(grid: Array, values: Array, at: Array) -> Array:
    """Return values [n, K] at `at` [n], linear between grid points, constant below the first, 0 above the last."""
    rows = np.arange(len(grid))
    right = np.clip((grid < at[:, None]).sum(axis=1), 1, grid.shape[1] - 1)
    low, high = grid[rows, right - 1], grid[rows, right]
    share = np.clip((at - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
    inside = values[rows, right - 1] * (1.0 - share) + values[rows, right] * share
    return np.where((at > grid[:, -1]) & np.isfinite(inside), 0.0, inside)


def _weighted_tail(ordered: Array, weight: Array, grid: Array, known: NDArray[np.intp]) -> tuple[Array, Array]:
    """Return exceedance and unmet [n, K] of ascending samples; NaN where a row has no weight."""
    mass = np.zeros((len(ordered), ordered.shape[1] + 1))
    volume = np.zeros_like(mass)
    mass[:, :-1] = np.cumsum(weight[:, ::-1], axis=1)[:, ::-1]
    volume[:, :-1] = np.cumsum((weight * ordered)[:, ::-1], axis=1)[:, ::-1]
    first_above = np.stack(
        [np.searchsorted(row[:count], at, side="right") for row, count, at in zip(ordered, known, grid, strict=True)]
    )
    above = np.take_along_axis(mass, first_above, axis=1)
    total = np.where(mass[:, :1] > 0.0, mass[:, :1], np.nan)
    return above / total, np.maximum(np.take_along_axis(volume, first_above, axis=1) - above * grid, 0.0) / total


def _step_exceedance(quantiles: Array, scale: Array, levels: tuple[float, ...], grid: Array) -> Array:
    """Return P(demand > candidate) [n, K] of one forecast step with quantiles [n, L] and tail scale [n]."""
    tail = np.array([1.0 - level for level in levels])
    body = np.stack([np.interp(at, row, tail, left=1.0, right=0.0) for at, row in zip(grid, quantiles, strict=True)])
    beyond = grid - quantiles[:, -1:]
    decay = np.exp(-np.maximum(beyond, 0.0) / np.maximum(scale[:, None], 1e-12))
    return np.where(beyond > 0.0, tail[-1] * decay, body)
