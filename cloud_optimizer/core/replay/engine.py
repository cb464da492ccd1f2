"""Applies proposals in time: hysteresis, lag, limits on changes, and the raise inside the hour.

Pure simulation for n workloads at once; what the outcome is worth is `core.replay.measures`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.panel import FloatArray
from cloud_optimizer.core.policies.plan import Array, Plan
from cloud_optimizer.core.replay.budget import budget_for
from cloud_optimizer.core.replay.data import ReplayData
from cloud_optimizer.core.replay.settings import ReplaySettings

LONG_AGO = 1 << 40
"""Slots since a change that never happened."""


@dataclass(frozen=True)
class Outcome:
    """What a policy provisioned.

    Args:
        capacity: In force, shape [n, T]; the provisioned capacity where nothing was proposed yet.
        changes: Shape [n, T]: changes that took effect at the slot.
    """

    capacity: FloatArray
    changes: NDArray[np.uint8]


def simulate(data: ReplayData, plan: Plan, settings: ReplaySettings) -> Outcome:
    """Return the capacity that follows from the proposals.

    A decision at slot i takes effect at i + lag and lasts until the next one does. With `raise_within_hour`, a
    sample over capacity raises it (after its own lag) until the next decision takes effect; the next decision sees
    the raised capacity as the present one. Raises count as changes.
    """
    state = _State(data, plan, settings)
    lag = data.slots(settings.apply_lag)
    starts = np.minimum(plan.decisions + lag, data.length)
    ends = np.append(starts[1:], data.length)
    for column, (decision, start, end) in enumerate(zip(plan.decisions, starts, ends, strict=True)):
        if start < data.length:
            state.apply(column, int(decision), int(start))
            state.run(column, int(start), int(end))
    return Outcome(state.capacity, state.changes)


class _State:
    """Capacity in force [n] and what it has been so far; NaN in force means the provisioned capacity."""

    def __init__(self, data: ReplayData, plan: Plan, settings: ReplaySettings) -> None:
        self.data, self.plan, self.settings = data, plan, settings
        self.capacity = data.capacity.copy()
        self.changes = np.zeros(data.usage.shape, dtype=np.uint8)
        count = len(data.usage)
        self.rows = np.arange(count)
        self.in_force = np.full(count, np.nan)
        self.provisioned = np.full(count, np.nan)
        self.changed_at = np.full(count, -LONG_AGO)
        self.budget = budget_for(data, settings)
        self.known_until = 0

    def apply(self, column: int, decision: int, start: int) -> None:
        """Take the decision `column` where it is due and allowed; it takes effect at `start`."""
        self._learn_provisioned(decision)
        current = np.where(np.isfinite(self.in_force), self.in_force, self.provisioned)
        target = np.maximum(self.plan.target[:, column], self.settings.smallest)
        due = np.isfinite(target) & (target != current) & self._is_due(column, current, start)
        self._change(due, target, start)

    def run(self, column: int, start: int, end: int) -> None:
        """Keep what is in force over [start, end), raising it after samples over it where the contract allows."""
        first = start
        if self.settings.raise_within_hour:
            lag = self.data.slots(self.settings.raise_lag)
            slot = self._next_over(start, end)
            while (raised_at := slot + 1 + lag) < end:
                self._hold(first, raised_at)
                first = raised_at
                self._learn_provisioned(slot + 1)
                self._raise(self.data.usage[:, slot] > self.in_force, column, slot, raised_at)
                slot = self._next_over(slot + 1, end)
        self._hold(first, end)

    def _next_over(self, start: int, end: int) -> int:
        """Return the first slot in [start, end) with usage over what is in force, else `end`."""
        over = self.data.usage[:, start:end] > self.in_force[:, None]  # false where unobserved or nothing is in force
        slots = over.any(axis=0)
        return start + int(slots.argmax()) if slots.any() else end

    def _hold(self, start: int, end: int) -> None:
        known = np.isfinite(self.in_force)
        self.capacity[known, start:end] = self.in_force[known, None]

    def _raise(self, over: NDArray[np.bool_], column: int, slot: int, start: int) -> None:
        if self.plan.raise_to is None:
            ceiling = np.fmax(self.provisioned, self.data.usage[:, slot])
        else:
            ceiling = np.fmax(self.plan.raise_to[:, column], self.data.usage[:, slot])
        self._change(over & (ceiling > self.in_force), ceiling, start)

    def _learn_provisioned(self, decision: int) -> None:
        if decision > self.known_until:
            newest_first = self.data.capacity[:, self.known_until : decision][:, ::-1]
            known = np.isfinite(newest_first)
            newest = newest_first[self.rows, known.argmax(axis=1)]  # NaN where none is known
            self.provisioned = np.where(np.isfinite(newest), newest, self.provisioned)
            self.known_until = decision

    def _is_due(self, column: int, current: Array, start: int) -> NDArray[np.bool_]:
        plan = self.plan
        lower = plan.target if plan.lower is None else plan.lower
        upper = plan.target if plan.upper is None else plan.upper
        outside = (current < lower[:, column]) | (current > upper[:, column]) | ~np.isfinite(current)
        if plan.patience is None:
            return outside
        old = start - self.changed_at >= plan.patience
        differs = np.abs(plan.target[:, column] - current) >= plan.tolerance * current
        return outside | (old & differs)

    def _change(self, where: NDArray[np.bool_], target: Array, slot: int) -> None:
        current = np.where(np.isfinite(self.in_force), self.in_force, self.provisioned)
        allowed = self.budget.spend(where, target - current, slot)
        self.in_force = np.where(allowed, target, self.in_force)
        self.changed_at[allowed] = slot
        self.changes[allowed, slot] += 1
