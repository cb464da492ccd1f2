"""Our policy: the capacity with the least cost of money, shortage and change under the expected exceedance."""

from dataclasses import dataclass

import numpy as np

from cloud_optimizer.core.panel import FloatArray
from cloud_optimizer.core.policies.curves import CurveSource
from cloud_optimizer.core.policies.history import History
from cloud_optimizer.core.policies.plan import Array, Plan, stated_sizes
from cloud_optimizer.core.sizing.calibration import RiskCalibration
from cloud_optimizer.core.sizing.curve import ExceedanceCurve
from cloud_optimizer.core.sizing.error_budget import BudgetLedger, ErrorBudget, count_shortage
from cloud_optimizer.core.sizing.objective import ShortagePrice, SizingSettings, cheapest

RAISE_OVER_HIGHEST = 1.02
RAISE_OVER_PROVISIONED = 1.05
"""A raise goes to just above the highest usage ever seen, but not far over what is provisioned."""

STATED = 7
"""Sizes from the lower to the upper bound whose risk is stated. Interpolated between three it was twice what came true
above 10 %, where the curve itself was .97 of it (hourly, Bitbrains, July 2013)."""

LADDER = tuple(float(factor) for factor in 1.3 ** np.arange(-5, 6))
"""Prices tried by the error budget, relative to the configured one: 0.27 to 3.7."""


@dataclass(frozen=True)
class CloudOptimizer:
    """Prices an expected exceedance curve.

    Args:
        sizing: Preferences of the objective.
        source: Where the curve comes from.
        budget: Shortage that is allowed; the price follows what the ladder did to the recent past. The configured
            price holds where missing.
        raises: Whether the contract raises capacity within the hour.
        alternatives: Prices from which a comparison at equal violations may choose.
    """

    sizing: SizingSettings
    source: CurveSource
    budget: ErrorBudget | None = None
    raises: bool = False
    alternatives: tuple[ShortagePrice, ...] = ()
    name: str = "cloud_optimizer"

    def plan(self, history: History) -> Plan:
        """Return target and bounds of the objective at every decision, their calibrated risk, and the alternatives."""
        walk = _Walk(self, history)
        others = [at_price(self.sizing, price) for price in self.alternatives]
        shape = (len(history.data.usage), len(history.decisions))
        bands = np.full((1 + len(others), 3, *shape), np.nan, dtype=np.float32)
        risk = np.full((STATED, *shape), np.nan, dtype=np.float32)
        for column, curve in enumerate(self.source.curves(history)):
            bands[0, :, :, column], risk[:, :, column] = walk.decide(column, curve)
            for position, preferences in enumerate(others, start=1):
                bands[position, :, :, column] = _band(curve, preferences)
        limit = np.fmin(history.highest() * RAISE_OVER_HIGHEST, history.provisioned() * RAISE_OVER_PROVISIONED)
        first, *rest = (Plan(history.decisions, band[1], band[0], band[2], raise_to=limit) for band in bands)
        return Plan(
            history.decisions,
            first.target,
            first.lower,
            first.upper,
            raise_to=limit,
            risk=risk,
            risk_counts_periods=self.source.counts_periods,
            alternatives=tuple(rest),
        )


def at_price(settings: SizingSettings, price: ShortagePrice) -> SizingSettings:
    """Return the same preferences at another price of shortage for the standard class."""
    return settings.model_copy(update={"prices": {**settings.prices, "standard": price}})


class _Walk:
    """Goes through the decisions: what each price would have done, which one is used, and whether risks came true."""

    def __init__(self, policy: CloudOptimizer, history: History) -> None:
        self.policy, self.history = policy, history
        self.calibration = RiskCalibration()
        prices = np.array(LADDER if policy.budget else (1.0,))
        self.ladder = [_scaled(policy.sizing, float(factor)) for factor in prices]
        start = int(np.flatnonzero(prices == 1.0)[0])
        self.ledger = BudgetLedger(policy.budget or ErrorBudget(), prices, start)
        count = len(history.data.usage)
        self.in_force = np.full((len(prices) + 1, count), np.nan)  # by price; the last row is what the policy chose
        self.stated = np.full(count, np.nan)

    def decide(self, column: int, curve: ExceedanceCurve) -> tuple[Array, Array]:
        """Return lower, target and upper [3, n] at a decision, and the calibrated risks [STATED, n] from end to end."""
        if column:
            self._record(int(self.history.decisions[column - 1]), int(self.history.decisions[column]))
        bands = np.array([_band(curve, preferences) for preferences in self.ladder])
        chosen = bands[self.ledger.choose() if self.policy.budget else 0]
        lower, target, upper = np.concatenate([bands, chosen[None]]).transpose(1, 0, 2)
        stays = ((self.in_force >= lower) & (self.in_force <= upper)) | ~np.isfinite(target)
        self.in_force = np.where(stays, self.in_force, target)
        self.stated = curve.risk(self.in_force[-1])
        lower, target, upper = chosen
        sizes = stated_sizes(lower, target, upper, STATED)
        return chosen, self.calibration.apply(np.stack([curve.risk(size) for size in sizes]))

    def _record(self, before: int, now: int) -> None:
        """Take in what happened since the decision before took effect, as far as it is known now."""
        usage = self.history.data.usage[:, min(before + self.history.lag, now) : now]
        days = (now - before) / self.history.data.slots_per_day
        if self.policy.budget:
            short, whole = count_shortage(usage, self.in_force[:-1], first_only=self.policy.raises)
            self.ledger.record(short, whole, days)
        self.calibration.record(self.stated, self._observed(usage), days)

    def _observed(self, usage: FloatArray) -> Array:
        """Return the risk that came true, shape [n]: a share of the time or 0 and 1, as the source counts."""
        count = np.isfinite(usage).sum(axis=1)
        over = (usage > self.in_force[-1][:, None]).sum(axis=1)
        if self.policy.raises:
            over = np.minimum(over, 1)
        share = over / np.where(count > 0, count, np.nan)
        return np.asarray(np.ceil(share) if self.policy.source.counts_periods else share)


def _scaled(sizing: SizingSettings, factor: float) -> SizingSettings:
    price = sizing.prices["standard"]
    return at_price(sizing, ShortagePrice(time=price.time * factor, volume=price.volume * factor))


def _band(curve: ExceedanceCurve, preferences: SizingSettings) -> Array:
    band = cheapest(curve, preferences)
    return np.stack([band.lower, band.best, band.upper])
