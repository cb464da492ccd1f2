"""Our policy: the capacity with the least cost of money, shortage and change under the expected exceedance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cloud_optimizer.core.policies.curves import CurveSource
from cloud_optimizer.core.policies.history import History
from cloud_optimizer.core.policies.plan import Array, Plan
from cloud_optimizer.core.sizing.objective import Band, ShortagePrice, SizingSettings, cheapest

RAISE_OVER_HIGHEST = 1.02
RAISE_OVER_PROVISIONED = 1.05
"""A raise goes to just above the highest usage ever seen, but not far over what is provisioned."""


@dataclass(frozen=True)
class CloudOptimizer:
    """Prices an expected exceedance curve.

    Args:
        sizing: Preferences of the objective.
        source: Where the curve comes from.
        ladder: Prices of the alternatives that a comparison at equal violations may choose from.
    """

    sizing: SizingSettings
    source: CurveSource
    ladder: tuple[ShortagePrice, ...] = ()
    name: str = "cloud_optimizer"

    def plan(self, history: History) -> Plan:
        """Return target and bounds of the objective at every decision, and the alternatives."""
        settings = (self.sizing, *(priced(self.sizing, price) for price in self.ladder))
        bands = np.full((len(settings), 3, len(history.data.usage), len(history.decisions)), np.nan, dtype=np.float32)
        for rows, column, curve in self.source.curves(history):
            for rung, preferences in enumerate(settings):
                bands[rung, :, rows, column] = _stacked(cheapest(curve, preferences))
        limit = np.fmin(history.highest() * RAISE_OVER_HIGHEST, history.provisioned() * RAISE_OVER_PROVISIONED)
        plans = [Plan(history.decisions, band[1], band[0], band[2], raise_to=limit) for band in bands]
        return _with_alternatives(plans)


def priced(settings: SizingSettings, price: ShortagePrice) -> SizingSettings:
    """Return the same preferences at another price of shortage for the standard class."""
    return settings.model_copy(update={"prices": {**settings.prices, "standard": price}})


def _stacked(band: Band) -> Array:
    return np.stack([band.lower, band.best, band.upper])


def _with_alternatives(plans: Sequence[Plan]) -> Plan:
    return replace(plans[0], alternatives=tuple(plans[1:]))
