"""The capacity that costs least: money, the price of shortage by SLO class, and the price of a change.

J(c) = c + time_price * S(c) + volume_price * E unmet(c), in units of capacity, where S and E unmet come from an
exceedance curve. The present capacity stays unless J(now) > (1 + change_cost_relative) * J(best) + change_cost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.sizing.curve import Array, ExceedanceCurve

SloClass = Literal["critical", "standard", "batch"]

Mask = NDArray[np.bool_]


class ShortagePrice(BaseModel):
    """What running short costs, in units of capacity."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: float = Field(default=5.0, ge=0, description="Capacity worth giving to avoid being short all of the time.")
    volume: float = Field(default=64.0, ge=0, description="Capacity worth giving to avoid one unit of unmet demand.")


def _default_prices() -> dict[SloClass, ShortagePrice]:
    return {
        "critical": ShortagePrice(time=1000.0, volume=256.0),
        "standard": ShortagePrice(time=5.0, volume=64.0),
        "batch": ShortagePrice(time=1.0, volume=16.0),
    }


class SizingSettings(BaseModel):
    """Preferences of the objective; the unit of absolute amounts is `unit`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: float = Field(
        default=1.0, gt=0, description="What absolute amounts are counted in: 1 core, or bytes for memory."
    )
    prices: Mapping[SloClass, ShortagePrice] = Field(
        default_factory=_default_prices, description="Price of shortage by SLO class."
    )
    change_cost: float = Field(default=0.02, ge=0, description="Gain, in units, that a change must bring.")
    change_cost_relative: float = Field(
        default=0.1, ge=0, description="Gain, as share of the best, that a change must bring."
    )
    cool_down_hours: float = Field(default=0.0, ge=0, description="No decrease within this time of the last change.")
    maximum_decrease: float = Field(
        default=1.0, gt=0, le=1, description="Largest decrease at once, share of the present."
    )
    maximum_increase: float | None = Field(
        default=None, gt=0, description="Largest increase at once, share of the present."
    )
    percentile: float | None = Field(
        default=None, gt=0, lt=1, description="Demand percentile that must fit, where wanted."
    )
    headroom: float = Field(default=0.0, ge=0, le=10, description="Extra capacity over the choice, as a share of it.")
    floor: float = Field(default=0.01, ge=0, description="Smallest capacity, in units.")
    ceiling: float | None = Field(
        default=None, gt=0, description="Largest capacity, as a multiple of the provisioned; none where null."
    )


MEMORY_SIZING = SizingSettings(unit=4.0 * 2**30, floor=0.0625)
"""Memory is priced like cores at 4 GiB a core; the floor is VPA's 250 MiB, rounded."""


@dataclass(frozen=True)
class Choice:
    """Capacities of n workloads with what stands behind them; arrays of shape [n], in the resource's unit.

    Args:
        target: What to provision.
        lower: Below it a change pays.
        upper: Above it a change pays; lower <= target <= upper.
        uncapped: The best capacity before floor, ceiling, step limits and the price of a change.
        risk: Expected share of the time with demand above `target`; NaN where unknown.
        reasons: Reason code to mask [n]: INSUFFICIENT_DATA, FLOOR_APPLIED, CEILING_APPLIED, PERCENTILE_APPLIED,
            CHANGE_COST, COOL_DOWN, STEP_LIMIT.
    """

    target: Array
    lower: Array
    upper: Array
    uncapped: Array
    risk: Array
    reasons: Mapping[str, Mask]

    def reasons_of(self, row: int) -> tuple[str, ...]:
        """Return the reason codes of one workload."""
        return tuple(code for code, mask in self.reasons.items() if mask[row])


def choose_capacity(
    curve: ExceedanceCurve,
    current: Array,
    static: Array,
    settings: SizingSettings,
    *,
    slo_classes: Sequence[SloClass] | SloClass = "standard",
    hours_since_change: Array | None = None,
) -> Choice:
    """Return the capacity with the least J, kept at `current` unless a change pays.

    Args:
        curve: Expected shortage of the n workloads over the period until the next decision.
        current: Capacity now, shape [n], the resource's unit.
        static: Provisioned capacity, the base of `ceiling` and the answer where nothing is known, shape [n].
        settings: Preferences.
        slo_classes: One class for all, or one a workload.
        hours_since_change: Shape [n]; missing means long ago.
    """
    scale = 1.0 + settings.headroom
    price_of = _prices(slo_classes, len(current), settings)
    costs = _cost(curve.capacities, curve.exceedance, curve.unmet, price_of, settings)
    allowed = _fits_percentile(curve, settings)
    costs = np.where(allowed, costs, np.inf)
    known = np.isfinite(curve.exceedance[:, 0])
    best, lower, upper = _band(curve.capacities * scale, np.where(known[:, None], costs, 0.0), settings)
    fit = current / scale
    cost_now = _cost(fit[:, None], curve.risk(fit)[:, None], curve.expected_unmet(fit)[:, None], price_of, settings)[
        :, 0
    ]
    stays = (cost_now <= _threshold(costs.min(axis=1), settings)) & (curve.risk(fit) <= _risk_limit(settings))
    floor, ceiling = _limits(static, settings)
    wanted = np.clip(best, floor, ceiling)
    moved, held = _limit_change(wanted, current, stays, hours_since_change, settings)
    target = np.where(known, np.clip(moved, floor, ceiling), static)
    reasons = {
        "INSUFFICIENT_DATA": ~known,
        "FLOOR_APPLIED": known & (best < floor),
        "CEILING_APPLIED": known & (best > ceiling),
        "PERCENTILE_APPLIED": known & ~allowed[:, :-1].all(axis=1),
        **{code: known & mask for code, mask in held.items()},
    }
    return Choice(
        target=target,
        lower=np.where(known, np.minimum(np.clip(lower, floor, ceiling), target), target),
        upper=np.where(known, np.maximum(np.clip(upper, floor, ceiling), target), target),
        uncapped=np.where(known, best, static),
        risk=curve.risk(target),
        reasons=reasons,
    )


def _prices(slo_classes: Sequence[SloClass] | SloClass, count: int, settings: SizingSettings) -> tuple[Array, Array]:
    """Return the time price, in the resource's unit, and the volume price, each of shape [n, 1]."""
    classes = [slo_classes] * count if isinstance(slo_classes, str) else slo_classes
    prices = [settings.prices[slo_class] for slo_class in classes]
    time = np.array([price.time * settings.unit for price in prices])
    return time[:, None], np.array([price.volume for price in prices])[:, None]


def _cost(
    capacity: Array, exceedance: Array, unmet: Array, prices: tuple[Array, Array], settings: SizingSettings
) -> Array:
    """Return J of capacities [n, K] that demand must fit; the headroom over them is paid for too."""
    return capacity * (1.0 + settings.headroom) + prices[0] * exceedance + prices[1] * unmet


def _risk_limit(settings: SizingSettings) -> float:
    return 1.0 if settings.percentile is None else 1.0 - settings.percentile


def _fits_percentile(curve: ExceedanceCurve, settings: SizingSettings) -> Mask:
    """Return where a candidate holds the wanted percentile; the last one always may be chosen."""
    fits = curve.exceedance <= _risk_limit(settings) + 1e-12
    fits[:, -1] = True
    return fits


def _threshold(best: Array, settings: SizingSettings) -> Array:
    return best * (1.0 + settings.change_cost_relative) + settings.change_cost * settings.unit


def _band(capacity: Array, costs: Array, settings: SizingSettings) -> tuple[Array, Array, Array]:
    """Return the cheapest capacity and the lowest and highest from which a change would not pay, each [n].

    Above the last candidate nothing is short, so that J is the capacity itself and the band ends at the threshold.
    """
    rows, last = np.arange(len(costs)), costs.shape[1] - 1
    best = np.argmin(costs, axis=1)
    threshold = _threshold(costs[rows, best], settings)
    inside = costs <= threshold[:, None]
    lower = capacity[rows, np.argmax(inside, axis=1)]
    upper = capacity[rows, last - np.argmax(inside[:, ::-1], axis=1)]
    return capacity[rows, best], lower, np.where(inside[:, last], np.maximum(upper, threshold), upper)


def _limits(static: Array, settings: SizingSettings) -> tuple[float, Array]:
    floor = settings.floor * settings.unit
    if settings.ceiling is None:
        return floor, np.full_like(static, np.inf)
    return floor, np.maximum(settings.ceiling * static, floor)


def _limit_change(
    wanted: Array, current: Array, stays: Mask, hours_since_change: Array | None, settings: SizingSettings
) -> tuple[Array, dict[str, Mask]]:
    """Return the capacities [n] after hysteresis, cool-down and step limits, and where each of them acted."""
    recent = np.zeros(len(wanted), dtype=bool)
    if hours_since_change is not None:
        recent = hours_since_change < settings.cool_down_hours
    cooling = ~stays & recent & (wanted < current)
    least = current * (1.0 - settings.maximum_decrease)
    most = np.inf if settings.maximum_increase is None else current * (1.0 + settings.maximum_increase)
    stepped = np.clip(wanted, least, most)
    limited = ~stays & ~cooling & (stepped != wanted)
    target = np.where(stays | cooling, current, stepped)
    return target, {
        "CHANGE_COST": stays & (wanted != current),
        "COOL_DOWN": cooling,
        "STEP_LIMIT": limited,
    }
