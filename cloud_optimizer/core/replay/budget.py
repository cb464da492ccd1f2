"""How many changes a contract allows: for each workload and day, or as a budget that the cluster shares."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.replay.data import ReplayData
from cloud_optimizer.core.replay.settings import ReplaySettings

Mask = NDArray[np.bool_]

SAVED_DAYS = 7
"""Days of unspent changes that a shared budget keeps."""

RESERVE = 0.5
"""Share of a day's shared changes that decreases must leave: what went down must be able to come up again."""


class ChangeBudget(Protocol):
    """Lets changes through while the contract allows."""

    def spend(self, wanted: Mask, step: NDArray[np.float64], slot: int) -> Mask:
        """Return which of the wanted changes [n] may happen at a slot.

        Args:
            wanted: Which workloads should change.
            step: Capacity gained or, negative, given back; the largest of each kind go first, raises before decreases.
                NaN, where nothing was known to be in force, counts as a decrease of nothing.
            slot: When.
        """
        ...


def budget_for(data: ReplayData, settings: ReplaySettings) -> ChangeBudget:
    """Return the budget of a contract for the workloads of `data`."""
    limit = settings.max_changes_per_day
    if limit is None:
        return _Unlimited()
    if settings.changes_shared:
        return _Shared(data, limit)
    return _PerWorkload(data, limit)


class _Unlimited:
    def spend(self, wanted: Mask, step: NDArray[np.float64], slot: int) -> Mask:  # noqa: ARG002
        return wanted


class _PerWorkload:
    """At most `limit` changes of a workload in a UTC day."""

    def __init__(self, data: ReplayData, limit: int) -> None:
        self.limit = limit
        self.day = data.day_of_slot()
        self.today = -1
        self.used = np.zeros(len(data.usage), dtype=np.intp)

    def spend(self, wanted: Mask, step: NDArray[np.float64], slot: int) -> Mask:  # noqa: ARG002
        if self.day[slot] != self.today:
            self.today = int(self.day[slot])
            self.used[:] = 0
        allowed = wanted & (self.used < self.limit)
        self.used += allowed
        return allowed


class _Shared:
    """Every workload observed the day before brings `limit` changes at midnight; unspent ones are kept for a week."""

    def __init__(self, data: ReplayData, limit: int) -> None:
        self.day = data.day_of_slot()
        days = np.unique(self.day, return_index=True)[1]
        observed = np.logical_or.reduceat(np.isfinite(data.usage), days, axis=1).sum(axis=0)
        self.granted = limit * np.concatenate([observed[:1], observed[:-1]])  # by day
        self.most = limit * SAVED_DAYS * len(data.usage)
        self.reserve = int(RESERVE * limit * len(data.usage))
        self.left = 0
        self.today: int | None = None

    def spend(self, wanted: Mask, step: NDArray[np.float64], slot: int) -> Mask:
        today = int(self.day[slot])
        if today != self.today:
            first = today if self.today is None else self.today + 1
            self.left = min(self.left + int(self.granted[first : today + 1].sum()), self.most)
            self.today = today
        up = wanted & (step > 0.0)
        raised = self._largest(up, step, self.left)
        self.left -= int(raised.sum())
        given_back = np.where(np.isnan(step), 0.0, -step)
        lowered = self._largest(wanted & ~up, given_back, max(self.left - self.reserve, 0))
        self.left -= int(lowered.sum())
        return raised | lowered

    @staticmethod
    def _largest(wanted: Mask, size: NDArray[np.float64], most: int) -> Mask:
        if wanted.sum() <= most:
            return wanted
        first = np.argsort(np.where(wanted, -size, np.inf), kind="stable")[:most]
        allowed = np.zeros_like(wanted)
        allowed[first] = True
        return allowed & wanted
