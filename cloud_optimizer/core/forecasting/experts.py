"""Robust forecasts by simple rules, and the median of them weighted by how well each did lately on that workload.

Every rule sees only what lies before its origin. A rule's weight for a workload and forecast interval falls with its
discounted absolute error at earlier origins one season apart (the exponentially weighted forecaster of
Cesa-Bianchi and Lugosi 2006, chapter 2); the weighted median ignores rules that are far off. It is on no series far
behind its best rule, which is what a base for learned models must promise.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.history import Positions, known_mean, known_median
from cloud_optimizer.core.forecasting.link import to_link
from cloud_optimizer.core.panel import FloatArray

RULES: Final = (
    "last_value",
    "short_median",
    "quarter_mean",
    "phase_median",
    "day_type_median",
    "weekday_median",
    "shifted_phase_median",
    "reverting",
    "median_of_rules",
)
PHASE_SEASONS: Final = 7
DAY_TYPE_SEASONS: Final = 14
WEEKDAY_SEASONS: Final = (7, 14, 21, 28)
MEMORY_SEASONS: Final = 28
"""Seasons before an origin that a rule looks at."""

TRIAL_SEASONS: Final = 14
"""Earlier origins at which the rules are tried, one season apart."""

HALF_LIFE: Final = 7.0  # seasons after which an error counts half
SHARPNESS: Final = 4.0  # a rule with twice the best rule's error weighs exp(-4) = 0.018
POOLED_TRIALS: Final = 8.0  # trials at which one forecast interval weighs as much as the mean of the horizon
LEVEL_SEASONS: Final = 7
LEVEL_FLOOR: Final = 0.05
SILENT_LEVEL: Final = 1e-6  # cores or bytes
PRIOR_ERROR: Final = 0.3  # link units, about 10 % of the level
PRIOR_TRIALS: Final = 3.0
SMALLEST_ERROR: Final = 0.01


class Expertise(NamedTuple):
    """Rules and their weighted median for n workloads at k origins.

    Args:
        rules: Demand by rule, shape [n, k, H, len(RULES)]; NaN where nothing is known.
        median: Weighted median of the rules, shape [n, k, H].
        scale: Recent level of demand, shape [n, k]; see `levels`.
        error: Recent absolute error of `median_of_rules` on the link scale, shape [n, k, H].
    """

    rules: FloatArray
    median: FloatArray
    scale: FloatArray
    error: FloatArray

    def at(self, origins: NDArray[np.intp]) -> "Expertise":
        """Return some of the origins."""
        return Expertise(*(field[:, origins] for field in self))


def consult(
    values: FloatArray, weekend: NDArray[np.bool_], positions: Positions, settings: ForecastSettings
) -> Expertise:
    """Ask the rules at origins that share one phase of the season.

    Args:
        values: Demand, shape [n, T]; what lies at or after an origin is not looked at.
        weekend: Whether an interval lies on a weekend, shape [T + horizon] at least.
        positions: Origins, shape [k], equal modulo the season, ascending.
        settings: What is forecast and how far.
    """
    season = settings.season
    start = int(positions[0]) - (MEMORY_SEASONS + TRIAL_SEASONS) * season
    asked = (positions - start) // season
    last = int(asked[-1])
    grid = _grid(values, start, last + 1 + settings.horizon // season, season)
    flags = _grid(weekend[None].astype(np.float32), start, grid.shape[1], season)[0]
    rows = np.arange(MEMORY_SEASONS, last + 1)
    rules = _rules(grid, flags, rows, settings)
    scale, long_run = levels(grid, rows)
    actual = _actual(grid, rows, settings)
    level = np.maximum(np.fmax(known_mean(actual[..., :season]), long_run), SILENT_LEVEL)  # known by the next row
    relative = np.abs(rules - actual[..., None]) / level[..., None, None]
    weights = _weights(relative, asked - MEMORY_SEASONS, settings)
    error = _link_error(rules[..., -1], actual, scale, asked - MEMORY_SEASONS, settings)
    rules, scale = rules[:, asked - MEMORY_SEASONS], scale[:, asked - MEMORY_SEASONS]
    return Expertise(rules, weighted_median(rules, weights), scale, error)


def levels(grid: FloatArray, rows: Positions) -> tuple[FloatArray, FloatArray]:
    """Return the recent and the long-run level of demand at the start of the grid's rows, each of shape [n, rows].

    Recent is the mean of the last 7 seasons, at least 5 % of the mean of the last 28, so that a quiet week does not
    blow up ratios; the latter itself after a week of nothing known; SILENT_LEVEL where nothing or only zeros are
    known: residuals then stay next to zero.
    """
    known = ~np.isnan(grid)
    total = np.where(known, grid, 0).sum(axis=2, dtype=np.float64)
    count = np.count_nonzero(known, axis=2).astype(np.float64)
    means = {}
    for seasons in (LEVEL_SEASONS, MEMORY_SEASONS):
        seen = _window(count, rows, seasons).sum(axis=2)
        unknown = np.full_like(seen, np.nan)
        means[seasons] = np.divide(_window(total, rows, seasons).sum(axis=2), seen, out=unknown, where=seen > 0)
    long_run = np.nan_to_num(means[MEMORY_SEASONS])
    recent = np.where(np.isnan(means[LEVEL_SEASONS]), long_run, means[LEVEL_SEASONS])
    recent = np.maximum(recent, LEVEL_FLOOR * long_run)
    scale = np.where(recent > 0, recent, SILENT_LEVEL)
    return scale.astype(np.float32), long_run.astype(np.float32)


def weighted_median(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the smallest value of the last axis at which half of the weight is reached, shape [...].

    Worked: values 1, 2, 9 with weights .2, .2, .6 give 9; with weights .3, .3, .4 they give 2.
    """
    order = np.argsort(values, axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    reached = np.cumsum(np.take_along_axis(weights, order, axis=-1), axis=-1)
    first = np.argmax(reached >= reached[..., -1:] / 2, axis=-1)
    return np.asarray(np.take_along_axis(ordered, first[..., None], axis=-1)[..., 0])


def _grid(values: FloatArray, start: int, rows: int, season: int) -> FloatArray:
    """Return rows of one season each from `start`, shape [n, rows, season]; NaN outside of `values`."""
    stop = start + rows * season
    inside = values[:, max(start, 0) : max(stop, 0)]
    pad = ((0, 0), (max(-start, 0), stop - max(start, 0) - inside.shape[1]))
    return np.pad(inside, pad, constant_values=np.nan).reshape(len(values), rows, season)


def _rules(grid: FloatArray, weekend: FloatArray, rows: Positions, settings: ForecastSettings) -> FloatArray:
    """Return what every rule says at the start of the grid's `rows`, shape [n, rows, H, rules]."""
    phases = np.arange(settings.horizon) % settings.season
    level = _level_rules(grid, rows, settings)
    phase = _phase_rules(grid, weekend, rows, settings)
    spread = {name: value[..., None] for name, value in level.items()}
    across = {name: value[..., phases] for name, value in phase.items()}
    fade = np.exp(-(np.arange(settings.horizon, dtype=np.float32) + 1) / (0.75 * settings.horizon))
    across["reverting"] = spread["short_median"] * fade + across["phase_median"] * (1 - fade)
    shape = across["phase_median"].shape
    robust = [spread["last_value"], across["phase_median"], spread["season_median"], spread["quarter_mean"]]
    across["median_of_rules"] = known_median(np.stack([np.broadcast_to(value, shape) for value in robust], axis=-1))
    said = {**spread, **across}
    rules = np.stack([np.broadcast_to(said[name], shape) for name in RULES], axis=-1)
    return np.where(np.isnan(rules), across["median_of_rules"][..., None], rules)


def _level_rules(grid: FloatArray, rows: Positions, settings: ForecastSettings) -> Mapping[str, FloatArray]:
    """Return the rules that say one level for the whole horizon, each of shape [n, rows]."""
    flat = grid.reshape(len(grid), -1)
    short, quarter = max(settings.horizon // 8, 1), max(settings.horizon // 4, 1)
    return {
        "last_value": _filled_forward(flat)[:, rows * settings.season - 1],
        "short_median": known_median(_window(flat, rows * settings.season, short)),
        "quarter_mean": known_mean(_window(flat, rows * settings.season, quarter)),
        "season_median": known_median(grid[:, rows - 1]),
    }


def _phase_rules(
    grid: FloatArray, weekend: FloatArray, rows: Positions, settings: ForecastSettings
) -> Mapping[str, FloatArray]:
    """Return the rules that follow the phase of the season, each of shape [n, rows, phases]."""
    ahead = min(settings.horizon, settings.season)
    quarter = max(settings.horizon // 4, 1)
    near, tail = grid[:, :, :ahead], grid[:, :, -min(quarter, settings.season) :]
    phase_median = known_median(_window(near, rows, PHASE_SEASONS))
    shift = known_mean(tail[:, rows - 1] - known_median(_window(tail, rows - 1, PHASE_SEASONS)))
    alike = _window(weekend[None, :, :ahead], rows, DAY_TYPE_SEASONS) == weekend[None, rows, :ahead, None]
    day_type = np.where(alike, _window(near, rows, DAY_TYPE_SEASONS), np.nan)
    weekdays = np.stack([near[:, rows - lag] for lag in WEEKDAY_SEASONS], axis=-1)
    return {
        "phase_median": phase_median,
        "day_type_median": known_median(day_type),
        "weekday_median": known_median(weekdays),
        "shifted_phase_median": np.maximum(phase_median + shift[..., None], 0),
    }


def _window(values: FloatArray, ends: Positions, length: int) -> FloatArray:
    """Return the `length` entries of axis 1 before each end, shape [n, ends, ..., length]."""
    return np.lib.stride_tricks.sliding_window_view(values, length, axis=1)[:, ends - length]


def _filled_forward(values: FloatArray) -> FloatArray:
    """Return the last known value up to each entry of the last axis; NaN before the first."""
    place = np.where(np.isnan(values), 0, np.arange(values.shape[-1]))
    return np.take_along_axis(values, np.maximum.accumulate(place, axis=-1), axis=-1)


def _actual(grid: FloatArray, rows: Positions, settings: ForecastSettings) -> FloatArray:
    """Return the demand that followed the start of every row, shape [n, rows, H]."""
    ahead = np.arange(settings.horizon)
    return grid[:, rows[:, None] + ahead // settings.season, ahead % settings.season]


def _trials(errors: FloatArray, at: Positions, settings: ForecastSettings) -> tuple[FloatArray, FloatArray]:
    """Return the discounted sum of known errors before the rows `at`, and its weight, each of shape [n, k, H, ...]."""
    total = np.zeros_like(errors[:, at])
    count = np.zeros_like(total)
    ahead = np.arange(settings.horizon).reshape(-1, *[1] * (errors.ndim - 3))
    for lag in range(1, TRIAL_SEASONS + 1):
        trial = errors[:, at - lag]
        known = ~np.isnan(trial) & (ahead < lag * settings.season)  # what had happened by the origin
        discount = np.float32(0.5 ** ((lag - 1) / HALF_LIFE))
        total += discount * np.where(known, trial, 0)
        count += discount * known
    return total, count


def _weights(errors: FloatArray, at: Positions, settings: ForecastSettings) -> FloatArray:
    """Return the weight of each rule, exp(-SHARPNESS * (its mean error / the best rule's - 1)); equal if untried."""
    total, count = _trials(errors, at, settings)
    pooled = total.sum(axis=2, keepdims=True) / np.maximum(count.sum(axis=2, keepdims=True), 1e-6)
    mean = (total + POOLED_TRIALS * pooled) / (count + POOLED_TRIALS)
    relative = mean / np.maximum(mean.min(axis=-1, keepdims=True), 1e-6)
    return np.asarray(np.exp(-SHARPNESS * np.maximum(relative - 1, 0)), dtype=np.float32)


def _link_error(
    rule: FloatArray, actual: FloatArray, scale: FloatArray, at: Positions, settings: ForecastSettings
) -> FloatArray:
    """Return the recent absolute error of one rule on the link scale, shrunk to the horizon's mean and a prior."""
    errors = np.abs(to_link(rule, scale[..., None]) - to_link(actual, scale[..., None]))
    total, count = _trials(errors, at, settings)
    pooled = (total.sum(axis=2, keepdims=True) + PRIOR_ERROR) / (count.sum(axis=2, keepdims=True) + 1)
    error = (total + PRIOR_TRIALS * pooled) / (count + PRIOR_TRIALS)
    return np.asarray(np.maximum(error, SMALLEST_ERROR), dtype=np.float32)
