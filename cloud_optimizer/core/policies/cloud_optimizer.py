"""Our policy: the capacity with the least cost of money, shortage and change under the expected exceedance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cloud_optimizer.core.policies.history import History
from cloud_optimizer.core.policies.plan import Array, Plan
from cloud_optimizer.core.sizing.curve import ExceedanceCurve
from cloud_optimizer.core.sizing.objective import Band, ShortagePrice, SizingSettings, cheapest
from cloud_optimizer.core.sizing.recent import RecentSettings, recent_curve

BLOCK = 64
"""Workloads whose curve is computed at once: 60 days at 5 minutes are 9 MB of samples."""


@dataclass(frozen=True)
class CloudOptimizer:
    """Prices the exceedance curve of each workload's own history; for contracts that change once a day.

    Args:
        sizing: Preferences of the objective.
        recent: How history is weighed.
        ladder: Prices of the alternatives that a comparison at equal violations may choose from.
    """

    sizing: SizingSettings
    recent: RecentSettings
    ladder: tuple[ShortagePrice, ...] = ()
    name: str = "cloud_optimizer"

    def plan(self, history: History) -> Plan:
        """Return target and bounds of the objective at every decision, and the alternatives."""
        settings = (self.sizing, *(priced(self.sizing, price) for price in self.ladder))
        shape = (len(settings), 3, len(history.data.usage), len(history.decisions))
        bands = np.full(shape, np.nan)
        for rows, column, curve in self._curves(history):
            for rung, preferences in enumerate(settings):
                bands[rung, :, rows, column] = _stacked(cheapest(curve, preferences))
        return _with_alternatives([Plan(history.decisions, b[1], b[0], b[2]) for b in bands])

    def _curves(self, history: History) -> Iterator[tuple[slice, int, ExceedanceCurve]]:
        per_day = history.data.slots_per_day
        for column, decision in enumerate(history.decisions):
            window = history.window(int(decision), self.recent.lookback)
            for first in range(0, len(window), BLOCK):
                rows = slice(first, first + BLOCK)
                yield rows, column, recent_curve(window[rows], per_day, self.recent)


def priced(settings: SizingSettings, price: ShortagePrice) -> SizingSettings:
    """Return the same preferences at another price of shortage for the standard class."""
    return settings.model_copy(update={"prices": {**settings.prices, "standard": price}})


def _stacked(band: Band) -> Array:
    return np.stack([band.lower, band.best, band.upper])


def _with_alternatives(plans: Sequence[Plan]) -> Plan:
    first, *others = plans
    return Plan(first.decisions, first.target, first.lower, first.upper, alternatives=tuple(others))
