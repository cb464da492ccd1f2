"""Does the stated risk come true: reliability by band of stated risk, on a replay."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.policies.plan import Array, Plan, stated_sizes
from cloud_optimizer.core.replay.data import ReplayData
from cloud_optimizer.core.replay.engine import Outcome

BANDS: Final = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0)
"""Edges of the bands of stated risk."""

ENOUGH_EVENTS: Final = 100.0
"""Shortages in a band below which its observed risk says little."""

LEAST_RISK: Final = 1e-6
"""What stands for no risk at all, so that it has a logarithm."""


@dataclass(frozen=True)
class ReliabilityBand:
    """Decisions of one band of stated risk.

    Args:
        lowest: Lower edge of the band.
        highest: Upper edge.
        periods: Observed (workload, period) pairs in it.
        stated: Their mean stated risk; NaN without any.
        observed: Their mean observed risk; NaN without any.
        events: Periods with a shortage.
    """

    lowest: float
    highest: float
    periods: int
    stated: float
    observed: float
    events: int

    @property
    def ratio(self) -> float | None:
        """Observed over stated risk, or none with too few events to tell."""
        if self.events < ENOUGH_EVENTS or not self.stated > 0.0:
            return None
        return self.observed / self.stated


def reliability(
    data: ReplayData, plan: Plan, outcome: Outcome, lag: int, bands: Sequence[float] = BANDS
) -> tuple[ReliabilityBand, ...]:
    """Return how often what was stated happened, by band.

    The stated risk is that of the capacity in force in the period, between the stated risks at the bounds; periods
    that start with another capacity (limits of the contract, nothing decided) are left out.

    Args:
        data: What was replayed.
        plan: A plan that states risks.
        outcome: What was in force.
        lag: Slots until a decision takes effect.
        bands: Ascending edges.
    """
    stated, observed, short = [], [], []
    ends = np.append(plan.decisions[1:], data.length) + lag
    for column, (decision, end) in enumerate(zip(plan.decisions, ends, strict=True)):
        start = int(decision) + lag
        if start < data.length:
            usage, capacity = data.usage[:, start:end], outcome.capacity[:, start]
            in_force = outcome.capacity[:, start:end]
            known = np.isfinite(usage)
            count = known.sum(axis=1)
            over = (usage > in_force).sum(axis=1)
            said = _stated(plan, column, capacity.astype(np.float64))
            use = (count > 0) & np.isfinite(said)
            happened = (over > 0) if plan.risk_counts_periods else over / np.maximum(count, 1)
            stated.append(said[use])
            observed.append(happened[use].astype(np.float64))
            short.append(over[use] > 0)
    if not stated:
        return ()
    return _banded(np.concatenate(stated), np.concatenate(observed), np.concatenate(short), bands)


def _stated(plan: Plan, column: int, capacity: Array) -> Array:
    """Return the risk stated for a capacity within the bounds, shape [n]; NaN elsewhere.

    Between two stated sizes its logarithm is linear: exceedance falls ever more slowly as the capacity grows.
    """
    if plan.risk is None or plan.lower is None or plan.upper is None:
        return np.full(len(capacity), np.nan)
    lower, target, upper = plan.lower[:, column], plan.target[:, column], plan.upper[:, column]
    sizes = stated_sizes(lower, target, upper, len(plan.risk))
    logarithm = np.log(np.maximum(plan.risk[:, :, column].astype(np.float64), LEAST_RISK))
    rows = np.arange(len(capacity))
    right = np.clip((sizes < capacity).sum(axis=0), 1, len(sizes) - 1)
    width = sizes[right, rows] - sizes[right - 1, rows]
    passed = np.divide(capacity - sizes[right - 1, rows], width, out=np.ones_like(capacity), where=width > 0)
    share = np.clip(passed, 0.0, 1.0)
    risk = np.exp(logarithm[right - 1, rows] * (1.0 - share) + logarithm[right, rows] * share)
    tolerance = 1e-5 * capacity
    inside = (capacity >= lower - tolerance) & (capacity <= upper + tolerance)
    return np.where(inside, risk, np.nan)


def _banded(
    stated: Array, observed: Array, short: NDArray[np.bool_], edges: Sequence[float]
) -> tuple[ReliabilityBand, ...]:
    band_of = np.clip(np.searchsorted(edges, stated, side="right") - 1, 0, len(edges) - 2)
    result = []
    for band, (lowest, highest) in enumerate(pairwise(edges)):
        inside = band_of == band
        count = int(inside.sum())
        mean_stated = float(stated[inside].mean()) if count else float("nan")
        mean_observed = float(observed[inside].mean()) if count else float("nan")
        result.append(ReliabilityBand(lowest, highest, count, mean_stated, mean_observed, int(short[inside].sum())))
    return tuple(result)
