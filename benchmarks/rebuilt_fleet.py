"""Five-minute usage of a fleet of which only hourly means and peaks are known, in the shapes of other machines' hours.

A stand-in, to replay hourly contracts on more machines than there are 5-minute samples of. Means and peaks of every
hour are the fleet's own; when within the hour they happen is taken from the hour of a donor that resembles it: in peak
over mean, and in the means of the hours before and after. Among those the first sample that best follows the last one
before decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.panel import FloatArray, Panel
from cloud_optimizer.core.replay.data import COLUMNS, ReplayData

Array = NDArray[np.float64]

MEAN, CAPACITY = COLUMNS["cpu"]
PEAK: Final = "cpu_usage_cores_max"

QUIET: Final = 0.003
"""Share of the capacity below which differences do not count."""

CANDIDATES: Final = 24
FOLLOWS: Final = 0.5
"""Weight of the jump between two hours beside the distance of an hour to its donor."""


@dataclass(frozen=True)
class _Hours:
    """Hourly usage as shares of the capacity: mean and peak [n, H], what an hour is compared by [n, H, 4]."""

    mean: Array
    peak: Array

    @property
    def traits(self) -> Array:
        before = np.concatenate([self.mean[:, :1], self.mean[:, :-1]], axis=1)
        after = np.concatenate([self.mean[:, 1:], self.mean[:, -1:]], axis=1)
        level, highest, *beside = (np.log(values + QUIET) for values in (self.mean, self.peak, before, after))
        steps = [0.7 * np.clip(np.nan_to_num(values - level), -3.0, 3.0) for values in beside]
        return np.stack([1.5 * (highest - level), *steps, 0.15 * level], axis=-1)

    @property
    def uneven(self) -> NDArray[np.bool_]:
        return np.asarray(self.peak - self.mean > 1e-6)


def rebuilt(fleet: Panel, donors: Panel) -> ReplayData:
    """Return the fleet's CPU at the donors' cadence.

    Args:
        fleet: Hourly means, peaks and capacities; its axis begins on a whole hour.
        donors: Usage and capacity at a finer step over the same time, that divides an hour.
    """
    per_hour = HOUR // donors.step
    samples = _shares(donors[MEAN], donors[CAPACITY]).reshape(len(donors.workload_ids), -1, per_hour)
    known = _Hours(samples.mean(axis=2), samples.max(axis=2))
    usable = known.uneven & np.isfinite(known.traits).all(axis=2)
    shapes = (samples - known.mean[..., None])[usable] / (known.peak - known.mean)[usable][:, None]
    hours = _Hours(_shares(fleet[MEAN], fleet[CAPACITY]), _shares(fleet[PEAK], fleet[CAPACITY]))
    shares = np.repeat(hours.mean[..., None], per_hour, axis=2)
    for hour, rows, shape in _donated(hours, known.traits[usable], shapes):
        shares[rows, hour] = shape
    capacity = np.repeat(fleet[CAPACITY], per_hour, axis=1)
    usage = (shares.reshape(len(shares), -1) * capacity).astype(np.float32)
    on = np.isfinite(usage)
    hidden = np.float32(np.nan)
    return ReplayData(usage, np.where(on, capacity, hidden), fleet.start, donors.step, fleet.workload_ids)


def _shares(usage: FloatArray, capacity: FloatArray) -> Array:
    whole = capacity.astype(np.float64)
    return np.divide(usage, whole, out=np.full_like(whole, np.nan), where=whole > 0.0)


def _donated(hours: _Hours, traits: Array, shapes: Array) -> Iterator[tuple[int, NDArray[np.intp], Array]]:
    """Yield each hour with the uneven rows of it and their samples [rows, samples of an hour], in order of time."""
    tree = cKDTree(traits)
    last = np.full(len(hours.mean), np.nan)
    wanted = hours.traits
    for hour in range(hours.mean.shape[1]):
        rows = np.flatnonzero(hours.uneven[:, hour])
        last = np.where(np.isfinite(hours.mean[:, hour]), hours.mean[:, hour], last)
        if rows.size:
            distance, donor = tree.query(wanted[rows, hour], k=CANDIDATES)
            mean, peak = (values[rows, hour, None, None] for values in (hours.mean, hours.peak))
            possible = np.maximum(mean + (peak - mean) * shapes[donor], 0.0)
            jump = np.abs(np.log(possible[:, :, 0] + QUIET) - np.log(last[rows] + QUIET)[:, None])
            best = np.argmin(distance + FOLLOWS * np.nan_to_num(jump), axis=1)
            chosen = possible[np.arange(len(rows)), best]
            last[rows] = chosen[:, -1]
            yield hour, rows, chosen
