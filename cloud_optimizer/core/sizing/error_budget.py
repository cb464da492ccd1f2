"""Which price of shortage keeps a fleet within its error budget: the cheapest that would have done so lately.

Nobody knows what a core-hour of shortage is worth, but everybody can say how much of it is allowed. Every price on a
ladder is applied to the recent past; the lowest one that stayed within the budget is used next.
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.sizing.curve import Array


class ErrorBudget(BaseModel):
    """Shortage allowed over the fleet; null is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    violating_observations: float | None = Field(default=0.0095, gt=0, le=1, description="Share of the time.")
    unmet_volume: float | None = Field(default=0.0095, gt=0, le=1, description="Share of the demand.")
    violating_workload_days: float | None = Field(default=None, gt=0, le=1, description="Share of workload-days.")
    half_life_days: float = Field(default=20.0, gt=0, description="Age at which a day of the past counts half.")
    prior_days: float = Field(default=10.0, ge=0, description="Days that the first price is trusted like the past.")


class BudgetLedger:
    """Shortage of each price on the ladder, decaying with age.

    Args:
        budget: What is allowed.
        prices: The ladder relative to the first price, ascending, shape [R].
        start: Position of the first price.
    """

    def __init__(self, budget: ErrorBudget, prices: Array, start: int) -> None:
        self.budget = budget
        self._prior = prices[start] / prices  # shortage falls about as the price rises
        self._start = start
        self._short = np.zeros((3, len(prices)))
        self._whole = np.zeros(3)
        self._total = np.zeros(3)
        self._days = 0.0

    def record(self, short: Array, whole: Array, days: float) -> None:
        """Take the shortage of the time since the last record.

        Args:
            short: Violating observations, unmet volume, violating workload-days of each price, shape [3, R].
            whole: Observations, volume and workload-days, shape [3].
            days: Time since the last record.
        """
        keep = 0.5 ** (days / self.budget.half_life_days)
        self._short = self._short * keep + short
        self._whole = self._whole * keep + whole
        self._total += whole
        self._days += days

    def choose(self) -> int:
        """Return the position of the lowest price within every limit; the highest where none is."""
        if not self._days:
            return self._start
        within = np.ones(self._short.shape[1], dtype=bool)
        prior_whole = self._total / self._days * self.budget.prior_days
        for measure, limit in enumerate(self._limits()):
            if limit is not None:
                short = self._short[measure] + prior_whole[measure] * limit * self._prior
                within &= short <= limit * (self._whole[measure] + prior_whole[measure]) * (1.0 + 1e-9)
        return int(np.argmax(within)) if within.any() else len(within) - 1

    def _limits(self) -> tuple[float | None, float | None, float | None]:
        return self.budget.violating_observations, self.budget.unmet_volume, self.budget.violating_workload_days


def count_shortage(usage: NDArray[np.floating], capacity: Array, *, first_only: bool) -> tuple[Array, Array]:
    """Return the shortage [3, R] and the whole [3] of a stretch of usage under R capacities.

    Args:
        usage: Shape [n, m]; NaN is unobserved.
        capacity: Shape [R, n]; NaN means no decision yet, which is never short.
        first_only: Capacity is raised after the first sample over it, so that only that one is short.
    """
    known = np.isfinite(usage)
    over = usage[None] > capacity[:, :, None]
    if first_only:
        over &= np.cumsum(over, axis=2) == 1
    unmet = np.where(over, usage[None] - capacity[:, :, None], 0.0)
    touched = over.any(axis=2)
    short = np.stack([over.sum(axis=(1, 2)), unmet.sum(axis=(1, 2)), touched.sum(axis=1)]).astype(np.float64)
    whole = np.array([known.sum(), np.nansum(usage), known.any(axis=1).sum()], dtype=np.float64)
    return short, whole
