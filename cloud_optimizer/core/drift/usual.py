"""What each workload usually does on a day, and how far a day lies from it. The whole cluster's mix is in `shares`.

The reference days are the yardstick twice: a day is compared with them, and each of them is compared with the others
in the same way. What those comparisons give is the column's usual variation from day to day: drift is what exceeds it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.drift.settings import DriftSettings
from cloud_optimizer.core.drift.statistics import Float64Array, ks_to_sorted, sorted_known
from cloud_optimizer.core.evaluation.scores import mean_known

KS: Final = "ks"
SPREAD: Final = "ks_spread"
RHYTHM: Final = "lost_rhythm"

_CLIP: Final = 10.0  # deviations beyond it say the same; it also stands for any change of a constant series
_RECENT_DAYS: Final = 7
_LARGEST_TREND: Final = 1.5  # a level that moved further within a reference is no trend to go along with
_MINIMUM_OTHERS: Final = 2  # days that a day is compared with


def like_days(weekday: int, weekdays: Sequence[int], minimum: int) -> NDArray[np.intp]:
    """Return the positions of the days to compare with: the same weekday, or all where it is rarer than `minimum`."""
    same = np.flatnonzero(np.asarray(weekdays) == weekday)
    return same if same.size >= minimum else np.arange(len(weekdays))


@dataclass(frozen=True)
class Deviations:
    """How the days of an array [n, D, S] differ from what was expected of them.

    Args:
        level: Differences in the workload's usual difference, shape [n, D, S].
        spread: Distance of `level` from its mean over the day, shape [n, D, S].
        daily: Differences of daily means, in the column's unit, shape [n, D].
        expected: Expected daily means, shape [n, D].
    """

    level: Float64Array
    spread: Float64Array
    daily: Float64Array
    expected: Float64Array


@dataclass(frozen=True)
class UsualDays:
    """A numeric column's usual days.

    Args:
        profiles: Weekday to the usual value of each workload and slot, shape [n, S].
        scale: Usual difference of a workload from its profile, shape [n, 1, 1]; 0 for a constant.
        mean: Mean over the weekdays of a workload's usual daily mean, shape [n, 1].
        daily_scale: Usual difference of a workload's daily mean from the expected one, shape [n, 1].
        level: Sorted known deviations of all reference days.
        spread: The same for the spread.
        usual: Statistic to its value for each reference day against the others, shape [D].
        shifted: Reference days on which a workload's daily mean was far off, shape [n, D].
    """

    profiles: Mapping[int, Float64Array]
    scale: Float64Array
    mean: Float64Array
    daily_scale: Float64Array
    level: Float64Array
    spread: Float64Array
    usual: Mapping[str, Float64Array]
    shifted: NDArray[np.bool_]

    @classmethod
    def fit(cls, values: Float64Array, weekdays: Sequence[int], settings: DriftSettings) -> "UsualDays":
        """Learn from reference days, values [n, D, S] with NaN for unknown."""
        like = {day: like_days(day, weekdays, settings.minimum_like_days) for day in range(7)}
        expected = _expected_without_itself(values, [like[day] for day in weekdays])
        profiles = _recent_profiles(values, weekdays, like)
        scale = _typical_size(values - expected, (1, 2))
        mean = mean_known(np.stack([_daily(profile[:, None]) for profile in profiles.values()]), axis=0)
        deviations = _deviations(values, expected, scale)
        daily_scale = _typical_size(deviations.daily, (1,))
        level, spread = sorted_known(deviations.level), sorted_known(deviations.spread)
        days = range(values.shape[1])
        usual = {
            KS: np.array([ks_to_sorted(level, deviations.level[:, day], among=True) for day in days]),
            SPREAD: np.array([ks_to_sorted(spread, deviations.spread[:, day], among=True) for day in days]),
            RHYTHM: RhythmFit.of(deviations, mean, daily_scale).lost_share(),
        }
        shifted = _shifted(deviations, daily_scale, settings)
        return cls(profiles, scale, mean, daily_scale, level, spread, usual, shifted)

    def compare(
        self, days: Float64Array, weekday: int, settings: DriftSettings
    ) -> tuple[dict[str, float], NDArray[np.bool_]]:
        """Return the statistics of a day, and which workloads' daily means are far off, shape [n].

        Args:
            days: The day before and the day, shape [n, 2, S].
            weekday: Weekday of the day.
            settings: Thresholds.
        """
        expected = np.stack([self.profiles[(weekday - 1) % 7], self.profiles[weekday]], axis=1)
        both = _deviations(days, expected, self.scale)
        statistics = {
            KS: ks_to_sorted(self.level, both.level[:, 1]),
            SPREAD: ks_to_sorted(self.spread, both.spread[:, 1]),
            RHYTHM: float(RhythmFit.of(both, self.mean, self.daily_scale).lost_share()[0]),
        }
        return statistics, _shifted(both, self.daily_scale, settings)[:, 1]


def _expected_without_itself(values: Float64Array, like: Sequence[NDArray[np.intp]]) -> Float64Array:
    """Return what the other like days say about each day: the median at the same slot, shape [n, D, S]."""
    expected = np.full(values.shape, np.nan)
    for day, days in enumerate(like):
        others = days[days != day]
        if others.size >= _MINIMUM_OTHERS:
            expected[:, day] = median_known(values[:, others], axis=1)
    return expected


def _recent_profiles(
    values: Float64Array, weekdays: Sequence[int], like: Mapping[int, NDArray[np.intp]]
) -> dict[int, Float64Array]:
    """Return the median of each weekday's like days, brought to the level of the last week, [n, S] each.

    A reference ends before the day that is judged: with a steady trend its middle lies weeks back, and every day
    would look shifted. The level is the median over the last seven days of daily mean / profile's daily mean.
    """
    profiles = {day: median_known(values[:, days], axis=1) for day, days in like.items()}
    last = np.arange(max(values.shape[1] - _RECENT_DAYS, 0), values.shape[1])
    expected = np.stack([profiles[weekdays[day]] for day in last], axis=1)
    known = ~np.isnan(values[:, last]) & ~np.isnan(expected)
    usual = _daily(np.where(known, expected, np.nan))
    seen = _daily(np.where(known, values[:, last], np.nan))
    ratio = np.divide(seen, usual, out=np.full(seen.shape, np.nan), where=usual > 0)
    level = np.clip(np.nan_to_num(median_known(ratio, axis=1), nan=1.0), 1 / _LARGEST_TREND, _LARGEST_TREND)
    return {day: profile * level[:, None] for day, profile in profiles.items()}


def _deviations(values: Float64Array, expected: Float64Array, scale: Float64Array) -> Deviations:
    difference = values - expected
    constant = np.sign(difference) * _CLIP
    scaled = np.divide(difference, scale, out=constant, where=np.broadcast_to(scale > 0, difference.shape))
    level = np.clip(scaled, -_CLIP, _CLIP)
    spread = np.abs(level - mean_known(level, axis=2)[..., None])
    both = ~np.isnan(difference)
    usual = _daily(np.where(both, expected, np.nan))
    return Deviations(level, spread, _daily(difference), usual)


def _daily(values: Float64Array) -> Float64Array:
    return mean_known(values, axis=-1)


@dataclass(frozen=True)
class RhythmFit:
    """Sums over workloads from which the lost share of the weekly rhythm follows, shape [D] each.

    The share is the least-squares slope of a day's difference on the negative of what its weekday usually adds to the
    mean, each workload weighed by its precision: 0 as usual, 1 gone.
    """

    product: Float64Array
    power: Float64Array

    @classmethod
    def of(cls, deviations: Deviations, mean: Float64Array, daily_scale: Float64Array) -> "RhythmFit":
        """Sum up days."""
        effect = deviations.expected - mean
        weight = np.divide(1.0, daily_scale**2, out=np.zeros_like(daily_scale), where=daily_scale > 0)
        known = ~np.isnan(effect) & ~np.isnan(deviations.daily)
        product = np.where(known, -deviations.daily * effect * weight, 0.0).sum(axis=0)
        return cls(product, np.where(known, effect**2 * weight, 0.0).sum(axis=0))

    def lost_share(self) -> Float64Array:
        """Return the lost share over each day and the one before it, shape [D - 1]; NaN where there is no rhythm.

        Two days, because a single one of a small fleet is too noisy to show a lost rhythm in the middle of a week.
        """
        product, power = (np.convolve(sums, np.ones(2), "valid") for sums in (self.product, self.power))
        return np.asarray(np.divide(product, power, out=np.full(product.shape, np.nan), where=power > 0))


def _shifted(deviations: Deviations, daily_scale: Float64Array, settings: DriftSettings) -> NDArray[np.bool_]:
    size = np.abs(deviations.daily)
    far = size > settings.workload_deviations * daily_scale
    return np.asarray(far & (size > settings.workload_shift * np.abs(deviations.expected)))


def _typical_size(values: Float64Array, axes: tuple[int, ...]) -> Float64Array:
    """Robust standard deviation around 0: 1.4826 x median, or the root mean square where most of it is 0."""
    flat = values.reshape(len(values), -1)
    robust = 1.4826 * median_known(np.abs(flat), axis=1)
    square = np.sqrt(mean_known(flat**2, axis=1))
    size = np.where(robust > 0, robust, np.nan_to_num(square))
    return np.expand_dims(size, axes)


def median_known(values: Float64Array, axis: int) -> Float64Array:
    """Return the median of what is not NaN; NaN where nothing is. Ten times as fast as np.nanmedian on short axes."""
    ordered = np.sort(values, axis=axis)  # NaN goes last
    count = np.sum(~np.isnan(values), axis=axis, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0), axis)
    high = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[axis] - 1), axis)
    return np.asarray(np.squeeze((low + high) / 2, axis=axis))
