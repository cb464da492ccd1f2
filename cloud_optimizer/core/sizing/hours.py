"""Demand by the hour and the statistics of the hours before one: what the learned exceedance model looks at."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.panel import FloatArray
from cloud_optimizer.core.replay.data import ReplayData

PEAK_WINDOWS: Final = (1, 2, 3, 6, 12, 24, 48, 168)
MEAN_WINDOWS: Final = (1, 6, 24, 168)
SAME_HOUR_DAYS: Final = 7
STATISTICS: Final = (
    *(f"peak_{hours}h" for hours in PEAK_WINDOWS),
    "peak_ever",
    *(f"mean_{hours}h" for hours in MEAN_WINDOWS),
    "last",
    "last_quarter_peak",
    "last_half_peak",
    "last_low",
    "same_hour_yesterday",
    "same_hour_highest",
    "same_hour_second",
    "peak_24h_p90",
    "peak_168h_p90",
)
"""Demand statistics of the hours before one, all in the resource's unit."""


@dataclass(frozen=True)
class HourlyDemand:
    """Usage cut into whole UTC hours.

    Args:
        samples: Usage, shape [n, H, s]; NaN is unobserved.
        coming: Usage in the slots a decision at the hour is in force, that is `lag` later, shape [n, H, s].
        peak: Highest usage of each hour, shape [n, H]; NaN without a sample.
        mean: Mean usage of each hour, shape [n, H].
        ever: Highest usage before each hour, shape [n, H].
        provisioned: Capacity known before each hour, shape [n, H].
        first_slot: Slot of the first whole hour.
        first_hour: UTC hour of the day of the first whole hour.
    """

    samples: FloatArray
    coming: FloatArray
    peak: FloatArray
    mean: FloatArray
    ever: FloatArray
    provisioned: FloatArray
    first_slot: int
    first_hour: int

    @classmethod
    def of(cls, data: ReplayData, lag: int) -> "HourlyDemand":
        """Cut data into hours; slots before the first whole hour and after the last are left out."""
        per_hour = data.slots_per_hour
        first = (-data.slot_of_day) % per_hour
        hours = (data.length - first) // per_hour
        samples = data.usage[:, first : first + hours * per_hour].reshape(-1, hours, per_hour)
        ahead = np.full_like(samples.reshape(len(samples), -1), np.nan)
        later = data.usage[:, first + lag : first + lag + hours * per_hour]
        ahead[:, : later.shape[1]] = later
        peak = np.fmax.reduce(samples, axis=2)
        count = np.isfinite(samples).sum(axis=2)
        mean = np.nansum(samples, axis=2) / np.where(count > 0, count, np.nan)
        known = np.fmax.reduce(
            data.capacity[:, first : first + hours * per_hour].reshape(-1, hours, per_hour)[:, :, -1:], axis=2
        )
        return cls(
            samples,
            ahead.reshape(samples.shape),
            peak,
            mean.astype(np.float32),
            _before(np.fmax.accumulate(peak, axis=1)),
            _before(_last_known(known)),
            first,
            (data.slot_of_day + first) // per_hour % 24,
        )

    def hour_of(self, slot: int) -> int:
        """Return the hour that starts at a slot."""
        return (slot - self.first_slot) // int(self.samples.shape[2])

    def statistics(self, hour: int) -> FloatArray:
        """Return `STATISTICS` of the hours before `hour`, shape [n, F]; NaN where nothing was observed."""
        columns = [_highest(self.peak[:, max(hour - window, 0) : hour]) for window in PEAK_WINDOWS]
        columns.append(self.ever[:, hour] if hour else np.full(len(self.peak), np.nan))
        columns += [_mean(self.mean[:, max(hour - window, 0) : hour]) for window in MEAN_WINDOWS]
        columns += self._last_hour(hour)
        columns += self._same_hour(hour)
        columns += [_p90(self.peak[:, max(hour - window, 0) : hour]) for window in (24, 168)]
        return np.stack(columns, axis=1).astype(np.float32)

    def _last_hour(self, hour: int) -> list[NDArray[np.floating]]:
        if not hour:
            return [np.full(len(self.peak), np.nan)] * 4
        last = self.samples[:, hour - 1]
        quarter, half = max(last.shape[1] // 4, 1), max(last.shape[1] // 2, 1)
        return [
            last[:, -1],
            _highest(last[:, -quarter:]),
            _highest(last[:, -half:]),
            np.fmin.reduce(last, axis=1),
        ]

    def _same_hour(self, hour: int) -> list[NDArray[np.floating]]:
        days = [hour - 24 * day for day in range(1, SAME_HOUR_DAYS + 1) if hour >= 24 * day]
        nothing = np.full(len(self.peak), np.nan)
        if not days:
            return [nothing] * 3
        peaks = np.stack([_highest(self.peak[:, start : start + 2]) for start in days])  # a lagged hour spans two
        ordered = -np.sort(-np.nan_to_num(peaks, nan=-1.0), axis=0)
        top = [np.where(row < 0.0, np.nan, row) for row in ordered[:2]]
        return [peaks[0], top[0], top[1] if len(top) > 1 else nothing]


def _before(values: FloatArray) -> FloatArray:
    """Shift by one hour, so that a column holds what was known before its hour."""
    shifted = np.full_like(values, np.nan)
    shifted[:, 1:] = values[:, :-1]
    return shifted


def _last_known(values: FloatArray) -> FloatArray:
    position = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(values.shape[1]), -1), axis=1)
    return np.where(position >= 0, np.take_along_axis(values, np.maximum(position, 0), axis=1), np.float32(np.nan))


def _highest(values: FloatArray) -> NDArray[np.floating]:
    return np.asarray(np.fmax.reduce(values, axis=1, initial=np.nan))


def _mean(values: FloatArray) -> NDArray[np.floating]:
    count = np.isfinite(values).sum(axis=1)
    return np.asarray(np.nansum(values, axis=1) / np.where(count > 0, count, np.nan))


def _p90(values: FloatArray) -> NDArray[np.floating]:
    if not values.shape[1]:
        return np.full(len(values), np.nan)
    ordered = np.sort(values, axis=1)
    position = np.maximum(0.9 * (np.isfinite(values).sum(axis=1) - 1), 0).astype(np.intp)
    return np.asarray(np.take_along_axis(ordered, position[:, None], axis=1)[:, 0])
