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
    band = cheapest(curve, settings, slo_classes=slo_classes)
    known = np.isfinite(curve.exceedance[:, 0])
    floor, ceiling = _limits(static, settings)
    stays = (current >= band.lower) & (current <= band.upper)
    wanted = np.clip(band.best, floor, ceiling)
    moved, held = _limit_change(wanted, current, stays, hours_since_change, settings)
    target = np.where(known, np.clip(moved, floor, ceiling), static)
    reasons = {
        "INSUFFICIENT_DATA": ~known,
        "FLOOR_APPLIED": known & (band.best < floor),
        "CEILING_APPLIED": known & (band.best > ceiling),
        "PERCENTILE_APPLIED": known & band.percentile_applied,
        **{code: known & mask for code, mask in held.items()},
    }
    return Choice(
        target=target,
        lower=np.where(known, np.minimum(np.clip(band.lower, floor, ceiling), target), target),
        upper=np.where(known, np.maximum(np.clip(band.upper, floor, ceiling), target), target),
        uncapped=np.where(known, band.best, static),
        risk=curve.risk(target),
        reasons=reasons,
    )


@dataclass(frozen=True)
class Band:
    """The cheapest capacity and the range in which a change from the present one would not pay; shape [n] each.

    Args:
        best: Argmin of J over the candidates, with headroom; NaN where the curve is unknown.
        lower: Lowest capacity in the range.
        upper: Highest capacity in the range.
        percentile_applied: Where the wanted percentile made the choice larger.
    """

    best: Array
    lower: Array
    upper: Array
    percentile_applied: Mask


def cheapest(
    curve: ExceedanceCurve, settings: SizingSettings, *, slo_classes: Sequence[SloClass] | SloClass = "standard"
) -> Band:
    """Return the capacity with the least J and the range around it, free of floor, ceiling and what is in force.

    Above the last candidate nothing is short, so that J is the capacity itself and the range ends at the threshold.

    Args:
        curve: Expected shortage of n workloads.
        settings: Preferences.
        slo_classes: One class for all, or one a workload.
    """
    rows, last = np.arange(len(curve.capacities)), curve.capacities.shape[1] - 1
    capacity = curve.capacities * (1.0 + settings.headroom)
    time_price, volume_price = _prices(slo_classes, len(rows), settings)
    costs = capacity + time_price * curve.exceedance + volume_price * curve.unmet
    allowed = _fits_percentile(curve, settings)
    known = np.isfinite(curve.exceedance[:, 0])
    free = np.argmin(np.where(known[:, None], costs, 0.0), axis=1)
    costs = np.where(known[:, None], np.where(allowed, costs, np.inf), 0.0)
    best = np.argmin(costs, axis=1)
    threshold = costs[rows, best] * (1.0 + settings.change_cost_relative) + settings.change_cost * settings.unit
    lower = _crossing(capacity, costs, threshold)
    upper = _crossing(capacity[:, ::-1], costs[:, ::-1], threshold)
    upper = np.where(costs[:, last] <= threshold, np.maximum(upper, threshold), upper)
    unknown = np.where(known, 0.0, np.nan)
    return Band(capacity[rows, best] + unknown, lower + unknown, upper + unknown, known & (best > free))


def _crossing(capacity: Array, costs: Array, threshold: Array) -> Array:
    """Return the first capacity of a row with a cost within the threshold, linear between candidates, shape [n]."""
    rows = np.arange(len(costs))
    first = np.argmax(costs <= threshold[:, None], axis=1)
    before = np.maximum(first - 1, 0)
    above = costs[rows, before] - threshold
    drop = costs[rows, before] - costs[rows, first]
    between = (first > 0) & np.isfinite(above)
    share = np.where(between, np.divide(above, drop, out=np.ones_like(drop), where=between & (drop > 0)), 1.0)
    return np.asarray(capacity[rows, before] * (1.0 - share) + capacity[rows, first] * share)


def _prices(slo_classes: Sequence[SloClass] | SloClass, count: int, settings: SizingSettings) -> tuple[Array, Array]:
    """Return the time price, in the resource's unit, and the volume price, each of shape [n, 1]."""
    classes = [slo_classes] * count if isinstance(slo_classes, str) else slo_classes
    prices = [settings.prices[slo_class] for slo_class in classes]
    time = np.array([price.time * settings.unit for price in prices])
    return time[:, None], np.array([price.volume for price in prices])[:, None]


def _fits_percentile(curve: ExceedanceCurve, settings: SizingSettings) -> Mask:
    """Return where a candidate holds the wanted percentile; the last one always may be chosen."""
    limit = 1.0 if settings.percentile is None else 1.0 - settings.percentile
    fits = curve.exceedance <= limit + 1e-12
    fits[:, -1] = True
    return fits


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
