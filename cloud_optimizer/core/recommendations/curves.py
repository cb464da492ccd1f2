"""The expected shortage of the next day as a function of capacity: recent history pooled with the forecast.

History alone is too sure that tomorrow is like the past days, a forecast alone too unsure about a workload it has seen
every day. Their weighted geometric mean (a logarithmic opinion pool: Genest and Zidek, Statistical Science 1986) needs
less capacity for the same shortage than their arithmetic mean, and states risks that come true; docs/recommendations.md
has the figures.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import QUANTILE_LEVELS
from cloud_optimizer.core.recommendations.demand import DemandHistory
from cloud_optimizer.core.recommendations.settings import PoolSettings
from cloud_optimizer.core.sizing.curve import Array, ExceedanceCurve, geometric_candidates, sample_candidates
from cloud_optimizer.core.sizing.objective import Mask
from cloud_optimizer.core.sizing.recent import RecentSettings, sample_weights

HISTORY_CANDIDATES: Final = 64
AHEAD_CANDIDATES: Final = 32
HOURS_PER_DAY: Final = 24
BELOW: Final = 0.999

KERNEL: Final = ((0.9, 0.2), (1.0, 0.7), (1.1, 0.09), (1.5, 0.01))
"""Factor on past demand and its weight: how much a day differs from the weeks before it, where no forecast tells."""


@dataclass(frozen=True)
class Outlook:
    """What the next day may bring to n workloads.

    Args:
        curve: Expected shortage, by which sizes are chosen; sizes that must not be chosen are short all of the time.
        stated: Expected shortage that is stated as risk. In the fallback it is wider than the plain history by which
            sizes are chosen, which is easy to explain and too optimistic as a probability.
        fallback: Where no forecast took part.
    """

    curve: ExceedanceCurve
    stated: ExceedanceCurve
    fallback: Mask


def outlook(
    history: DemandHistory,
    ahead: tuple[Array, Array],
    least: Array,
    *,
    trusted: bool,
    recent: RecentSettings,
    pool: PoolSettings,
) -> Outlook:
    """Return the outlook from demand up to the origin and the forecast of the day after it.

    Args:
        history: Demand of n workloads.
        ahead: Forecast quantiles of the hourly mean and of the hourly peak, each [n, horizon, levels].
        least: Sizes below which none may be chosen, [n]; 0 where there is no such limit.
        trusted: Whether the forecast may be used at all.
        recent: Weights of the past where it is pooled; the fallback weighs all of it alike.
        pool: Weights of history and forecast.
    """
    values, weights = history.samples_behind()
    mean, peak = ahead
    usable = np.asarray(np.isfinite(mean + peak).all(axis=(1, 2)) & trusted, dtype=np.bool_)
    by_age = np.tile(sample_weights(history.hours, HOURS_PER_DAY, recent), 3)
    weights = np.nan_to_num(weights) * np.where(usable[:, None], by_age, 1.0)
    reach = np.fmax(history.last_capacity(), np.fmax.reduce(history.peak, axis=1, initial=0.0))
    grid = _grid(values, peak, usable, (least, reach))
    past = ExceedanceCurve.from_samples(values, weights, grid)
    exceedance, stated = past.exceedance.copy(), past.exceedance.copy()
    rows = np.flatnonzero(usable)
    if rows.size:
        exceedance[rows] = pooled(exceedance[rows], _future((mean[rows], peak[rows]), grid[rows], pool), pool)
        stated[rows] = exceedance[rows]
    others = np.flatnonzero(~usable)
    if others.size:
        stated[others] = _widened(values[others], weights[others], grid[others])
    known = np.isfinite(past.exceedance)
    stated = stated * (1.0 - pool.surge_share) + pool.surge_share * _room(grid, reach)
    allowed = np.where(known & (grid < least[:, None]), 1.0, exceedance)
    return Outlook(
        ExceedanceCurve.from_exceedance(grid, allowed), ExceedanceCurve.from_exceedance(grid, stated), ~usable
    )


def _room(grid: Array, reach: Array) -> Array:
    """Return the share of what a workload can use that lies above each candidate [n, K].

    A surge that nothing has shown yet may go anywhere up to there: half of the capacity is exceeded by half of them.
    """
    # the candidate is cut off at the reach before the division: what lies far above a tiny reach would overflow
    limit = np.nan_to_num(reach)[:, None]
    share = np.divide(np.minimum(grid, limit), limit, out=np.ones_like(grid), where=limit > 0)
    return np.clip(1.0 - share, 0.0, 1.0)


def pooled(past: Array, future: Array, pool: PoolSettings) -> Array:
    """Return past^(1 - w) * future^w, where neither rules out what the other has seen.

    Worked, with w = .7 and a least share of .0002: past .01 and future .05 give .01^.3 * .05^.7 = .0308; past 0 and
    future .05 give .0002^.3 * .05^.7 = .0095; past .01 and future 0 give .01^.3 * .0002^.7 = .00065.
    """
    weight, least = pool.forecast_weight, pool.least_share
    seen = np.maximum(past, least)
    expected = np.where(past > 0, np.maximum(future, least), future)
    return np.asarray(seen ** (1.0 - weight) * expected**weight)


def _future(ahead: tuple[Array, Array], grid: Array, pool: PoolSettings) -> Array:
    """Return the exceedance of the forecast: most samples of an hour lie at its mean, some at its peak."""
    mean, peak = (ExceedanceCurve.from_quantiles(quantiles, QUANTILE_LEVELS, grid) for quantiles in ahead)
    return ExceedanceCurve.mixture((mean, peak), (1.0 - pool.peak_weight, pool.peak_weight)).exceedance


def _widened(values: Array, weights: Array, grid: Array) -> Array:
    """Return the exceedance of history if a day may be some factor above or below it."""
    scaled = np.concatenate([values * factor for factor, _ in KERNEL], axis=1)
    shares = np.concatenate([weights * share for _, share in KERNEL], axis=1)
    return ExceedanceCurve.from_samples(scaled, shares, grid).exceedance


def _grid(values: Array, peak: Array, usable: Mask, marks: tuple[Array, Array]) -> Array:
    """Return ascending candidates [n, K]: sample values, the range up to what else is thought possible, and `marks`.

    The marks are the least size allowed and the most that can be used, each [n].
    """
    ordered: NDArray[np.float64] = np.sort(values, axis=1)
    past = sample_candidates(ordered, np.isfinite(ordered).sum(axis=1), HISTORY_CANDIDATES)
    low, high = past[:, 0], past[:, -1] * KERNEL[-1][0]
    rows = np.flatnonzero(usable)
    if rows.size:
        last, before = peak[rows, :, -1], peak[rows, :, -2]
        high[rows] = np.maximum(past[rows, -1], np.max(last + 2.0 * (last - before), axis=1))
    ahead = geometric_candidates(low, high, AHEAD_CANDIDATES)
    # sizes under all demand are short all of the time, and just under the least none may be chosen
    least, reach = marks
    special = np.stack([np.zeros_like(low), BELOW * low, BELOW * least, least, reach], axis=1)
    return np.sort(np.concatenate([special, past, ahead], axis=1), axis=1)
