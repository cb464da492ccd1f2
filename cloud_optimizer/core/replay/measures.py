"""What a policy's outcome is worth: sums per workload, and the ratios of their totals.

Over observed slots of the scored period: provision = capacity / provisioned capacity; slack = (capacity - usage) /
capacity; violating observations = share of slots with usage > capacity; unmet volume = demand above capacity / demand;
violating workload-days = share of observed UTC days with a violation; changes per workload-day, without those while a
workload is off. Regret = (cost - oracle) / (static - oracle).
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.policies.plan import Array
from cloud_optimizer.core.replay.data import ReplayData
from cloud_optimizer.core.replay.engine import Outcome

MEASURES = (
    "provision",
    "slack",
    "violating_observations",
    "unmet_volume",
    "violating_workload_days",
    "changes_per_workload_day",
)


@dataclass(frozen=True)
class Tally:
    """Sums of one policy over the observed, scored slots, shape [n] each, so that a resample is a weighted sum."""

    capacity: Array
    static: Array
    usage: Array
    unmet: Array
    observations: Array
    violations: Array
    days: Array
    violating_days: Array
    changes: Array

    def ratios(self, weights: Array) -> dict[str, Array]:
        """Return each measure for each resample.

        Args:
            weights: How often a workload is in a resample, shape [resamples, n].
        """
        total = {column.name: weights @ getattr(self, column.name) for column in fields(self)}
        return {
            "provision": _share(total["capacity"], total["static"]),
            "slack": _share(total["capacity"] - total["usage"], total["capacity"]),
            "violating_observations": _share(total["violations"], total["observations"]),
            "unmet_volume": _share(total["unmet"], total["usage"]),
            "violating_workload_days": _share(total["violating_days"], total["days"]),
            "changes_per_workload_day": _share(total["changes"], total["days"]),
        }


def concatenated(parts: list[Tally]) -> Tally:
    """Return the sums of all parts, one after the other."""
    return Tally(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(Tally)))


def tally(data: ReplayData, outcome: Outcome, scored: slice, scale: float = 1.0, floor: float = 0.0) -> Tally:
    """Return the sums of an outcome whose capacities are multiplied by `scale`, never below `floor`."""
    usage = data.usage[:, scored]
    static = data.capacity[:, scored]
    capacity = outcome.capacity[:, scored]
    if scale != 1.0:
        capacity = np.maximum(capacity * np.float32(scale), np.float32(floor))
    known = np.isfinite(usage) & np.isfinite(static)
    over = known & (usage > capacity)
    boundaries = np.unique(data.day_of_slot()[scored], return_index=True)[1]

    def total(values: NDArray[np.float32]) -> Array:
        return np.asarray(np.sum(values, axis=1, where=known, dtype=np.float64))

    return Tally(
        capacity=total(capacity),
        static=total(static),
        usage=total(usage),
        unmet=np.sum(usage - capacity, axis=1, where=over, dtype=np.float64),
        observations=known.sum(axis=1).astype(np.float64),
        violations=over.sum(axis=1).astype(np.float64),
        days=np.logical_or.reduceat(known, boundaries, axis=1).sum(axis=1).astype(np.float64),
        violating_days=np.logical_or.reduceat(over, boundaries, axis=1).sum(axis=1).astype(np.float64),
        changes=np.sum(outcome.changes[:, scored], axis=1, where=known, dtype=np.float64),
    )


RATIO_STEP = 1.001
RATIO_BINS = 20_000
"""Ratios of usage to capacity are binned at 0.1 %, from 1.001^-10000 to 1.001^10000 (4.6e-5 to 2.2e4)."""


def ratio_histogram(data: ReplayData, outcome: Outcome, scored: slice, floor: float) -> NDArray[np.intp]:
    """Return how many observations have each ratio of usage to capacity; usage within the floor counts as lowest."""
    usage, capacity = data.usage[:, scored], outcome.capacity[:, scored]
    known = np.isfinite(usage) & np.isfinite(data.capacity[:, scored])
    used, held = usage[known], np.maximum(capacity[known], np.float32(1e-30))
    position = np.log(np.maximum(used / held, 1e-30)) / np.log(RATIO_STEP) + RATIO_BINS / 2
    position = np.where(used <= floor, 0.0, np.ceil(position))
    return np.bincount(np.clip(position, 0, RATIO_BINS - 1).astype(np.intp), minlength=RATIO_BINS)


def scale_for(histogram: NDArray[np.intp], violations: float) -> float:
    """Return the factor on all capacities at which the share of violating observations just falls to `violations`."""
    above = histogram.sum() - np.cumsum(histogram)  # observations in bins over each
    enough = int(np.argmax(above <= violations * histogram.sum()))
    return float(RATIO_STEP ** (enough - RATIO_BINS / 2))


def halves(data: ReplayData, first: int) -> tuple[slice, slice]:
    """Return the first and second half of the scored period, split at a UTC midnight."""
    days = data.decisions("daily", first)
    middle = int(days[len(days) // 2])
    return slice(first, middle), slice(middle, data.length)


def _share(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)
