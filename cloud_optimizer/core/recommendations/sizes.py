"""The size of one resource of many workloads: curves from history and forecast, then the least expected cost."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.core.recommendations.curves import Outlook
from cloud_optimizer.core.recommendations.settings import FallbackSettings
from cloud_optimizer.core.sizing.curve import Array, ExceedanceCurve
from cloud_optimizer.core.sizing.objective import Mask, ShortagePrice, SizingSettings, SloClass, choose_capacity

SIZE_NAMES: Final = ("target", "lower", "upper", "uncapped", "conservative", "aggressive")
UNKNOWN_CAPACITY_FACTOR: Final = 10.0  # stands in for an unknown present size, so that nothing argues for keeping it
ROUNDING: Final = 1e-6  # steps: a size that is whole but for its last bits is whole


@dataclass(frozen=True)
class Sizes:
    """Sizes of one resource; arrays of shape [n], in the resource's unit, NaN where unknown.

    Args:
        current: Present capacity.
        target: What to provision.
        lower: Below it a change pays.
        upper: Above it a change pays; lower <= target <= upper.
        uncapped: Best capacity before floors, limits and the price of a change.
        conservative: Size at a higher price of shortage, at least the target.
        aggressive: Size at a lower price of shortage, at most the target.
        fallback: Where no forecast took part.
        floored: Where the floor decided.
        waiting: Where a decrease waits for the end of the cool-down.
        curve: What the risk of any size is read from.
    """

    current: Array
    target: Array
    lower: Array
    upper: Array
    uncapped: Array
    conservative: Array
    aggressive: Array
    fallback: Mask
    floored: Mask
    waiting: Mask
    curve: ExceedanceCurve

    def risk(self, size: Array) -> Array:
        """Return the expected share of the next day's time with demand above `size` [n]."""
        return self.curve.risk(size)

    def held(self, rows: Mask) -> "Sizes":
        """Return the sizes with the present capacity kept at `rows`, bounds and options widened to hold it."""
        return self.with_target(np.where(rows & np.isfinite(self.current), self.current, self.target))

    def with_target(self, target: Array) -> "Sizes":
        """Return the sizes with another target, bounds and options widened to hold it."""
        return replace(self, target=target).ordered()

    def ordered(self) -> "Sizes":
        """Return the sizes with lower <= target <= upper and aggressive <= target <= conservative."""
        return replace(
            self,
            lower=np.fmin(self.lower, self.target),
            upper=np.fmax(self.upper, self.target),
            aggressive=np.fmin(self.aggressive, self.target),
            conservative=np.fmax(self.conservative, self.target),
        )

    def mapped(self, function: Callable[[Array], Array]) -> "Sizes":
        """Return the sizes with a non-decreasing `function` applied to target, bounds and options."""
        return replace(
            self,
            target=function(self.target),
            lower=function(self.lower),
            upper=function(self.upper),
            conservative=function(self.conservative),
            aggressive=function(self.aggressive),
        )


@dataclass(frozen=True)
class Wishes:
    """What decides the size of one resource, where a workload has no preference of its own.

    Args:
        objective: Settings of the resource.
        robust: What holds where no forecast took part.
        default_slo: SLO class.
        option_factor: Shortage price of the conservative option, as a multiple; the aggressive one has its inverse.
        origin: Time of the decision, for the cool-down.
    """

    objective: SizingSettings
    robust: FallbackSettings
    default_slo: SloClass
    option_factor: float
    origin: datetime


def choose(seen: Outlook, current: Array, preferences: pl.DataFrame, wishes: Wishes) -> Sizes:
    """Choose target, bounds and options of every workload, each by its own percentile, headroom and SLO class.

    Args:
        seen: Expected shortage of n workloads. Where no forecast took part, a percentile of history must fit.
        current: Present capacity [n]; NaN where unknown.
        preferences: One row a workload, in the order of the curve.
        wishes: What holds for all.
    """
    curve = seen.curve
    known, observed = np.isfinite(current), np.isfinite(curve.exceedance[:, 0])
    now = np.where(known, current, UNKNOWN_CAPACITY_FACTOR * curve.capacities[:, -1])
    since_change = (pl.lit(wishes.origin, UTC_TIMESTAMP) - pl.col("last_changed_at")).dt.total_minutes() / 60.0
    hours = preferences.select(since_change.fill_null(np.inf)).to_series().to_numpy()
    slo = np.array(preferences["slo_class"].fill_null(wishes.default_slo).to_list(), dtype=object)
    size = {name: np.full(len(now), np.nan) for name in SIZE_NAMES}
    mask = {name: np.zeros(len(now), dtype=bool) for name in ("FLOOR_APPLIED", "COOL_DOWN")}
    for objective, rows in _groups(preferences, known, seen.fallback, observed, wishes):
        part = ExceedanceCurve(curve.capacities[rows], curve.exceedance[rows], curve.unmet[rows])
        decide = partial(
            choose_capacity, part, now[rows], now[rows], slo_classes=list(slo[rows]), hours_since_change=hours[rows]
        )
        choice = decide(objective)
        for name in ("target", "lower", "upper", "uncapped"):
            size[name][rows] = getattr(choice, name)
        for name, values in mask.items():
            values[rows] = choice.reasons[name]
        for name, factor in (("conservative", wishes.option_factor), ("aggressive", 1.0 / wishes.option_factor)):
            size[name][rows] = decide(_repriced(objective, factor)).target
    for values in size.values():
        values[~observed] = current[~observed]
    return Sizes(
        current,
        **size,
        fallback=seen.fallback,
        floored=mask["FLOOR_APPLIED"],
        waiting=mask["COOL_DOWN"],
        curve=seen.stated,
    ).ordered()


def _groups(
    preferences: pl.DataFrame, known: Mask, fallback: Mask, observed: Mask, wishes: Wishes
) -> Iterator[tuple[SizingSettings, NDArray[np.intp]]]:
    """Yield the settings of each group of observed workloads with equal wishes, and their rows."""
    objective, robust = wishes.objective, wishes.robust
    percentile = pl.coalesce("percentile", pl.lit(objective.percentile, pl.Float64))
    headroom = pl.col("headroom").fill_null(objective.headroom)
    untrusted = pl.Series(fallback)
    wanted = preferences.select(
        known=pl.Series(known),
        observed=pl.Series(observed),
        percentile=pl.when(untrusted).then(pl.max_horizontal(percentile, robust.percentile)).otherwise(percentile),
        headroom=pl.when(untrusted).then(pl.max_horizontal(headroom, robust.headroom)).otherwise(headroom),
    ).with_row_index("row")
    for (is_known, percentile_, headroom_), group in wanted.filter("observed").group_by(
        "known", "percentile", "headroom"
    ):
        changes = {"percentile": percentile_, "headroom": headroom_}
        unlimited = {} if is_known else {"maximum_decrease": 1.0, "maximum_increase": None, "ceiling": None}
        yield objective.model_copy(update={**changes, **unlimited}), group["row"].to_numpy().astype(np.intp)


def _repriced(objective: SizingSettings, factor: float) -> SizingSettings:
    """Return the objective with shortage priced `factor` times as high, and changes free."""
    prices = {
        name: ShortagePrice(time=price.time * factor, volume=price.volume * factor)
        for name, price in objective.prices.items()
    }
    return objective.model_copy(update={"prices": prices, "change_cost": 0.0, "change_cost_relative": 0.0})


def rounded(sizes: Sizes, step: float) -> Sizes:
    """Round sizes up to whole steps; what does not grow stays at most the present size.

    Target 1.2341 cores at a step of .001 gives 1.235; a present 1.2345 that should go down to 1.2342 stays 1.2345.
    """

    def up(size: Array) -> Array:
        whole = np.ceil(size / step - ROUNDING) * step
        return np.where(size <= sizes.current, np.fmin(whole, sizes.current), whole)

    return sizes.mapped(up)


def at_least(sizes: Sizes, least: Array) -> Sizes:
    """Return the sizes raised to `least` [n] where it is known, e.g. after an OOM kill."""
    return sizes.mapped(lambda size: np.fmax(size, least))
