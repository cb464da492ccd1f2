"""Five-minute usage of a fleet of which only hourly means and peaks are known, in the shapes of other machines' hours.

A stand-in, to replay hourly contracts on more machines than there are 5-minute samples of. Means and peaks of every
hour are the fleet's own; when within the hour they happen is taken from the hour of a donor that resembles it most: in
peak over mean, and in the means of the hours before and after.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.replay.data import COLUMNS, ReplayData

Array = NDArray[np.float64]

MEAN, CAPACITY = COLUMNS["cpu"]
PEAK: Final = "cpu_usage_cores_max"

QUIET: Final = 0.003
"""Share of the capacity below which differences do not count."""


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

    Raises:
        ValueError: No hour of the donors can lend its shape.
    """
    per_hour = HOUR // donors.step
    samples = shares(donors).reshape(len(donors.workload_ids), -1, per_hour)
    known = _Hours(samples.mean(axis=2), samples.max(axis=2))
    usable = known.uneven & np.isfinite(known.traits).all(axis=2)
    if not usable.any():
        raise ValueError("the donors hold no complete hour whose samples differ")
    shapes = (samples - known.mean[..., None])[usable] / (known.peak - known.mean)[usable][:, None]
    hours = _Hours(shares(fleet), shares(fleet, PEAK))
    usage = np.repeat(hours.mean[..., None], per_hour, axis=2)
    _, donor = cKDTree(known.traits[usable]).query(hours.traits[hours.uneven])
    usage[hours.uneven] = _shaped(hours.mean[hours.uneven], hours.peak[hours.uneven], shapes[donor])
    capacity = np.repeat(fleet[CAPACITY], per_hour, axis=1)
    cores = (usage.reshape(len(usage), -1) * capacity).astype(np.float32)
    known_capacity = np.where(np.isfinite(cores), capacity, np.float32(np.nan))
    return ReplayData(cores, known_capacity, fleet.start, donors.step, fleet.workload_ids)


def rebuilt_from_each_other(fleet: Panel, known: Panel) -> tuple[ReplayData, ReplayData]:
    """Return the known machines that the fleet holds, each half rebuilt from the other, and as they are."""
    names = [name for name in known.workload_ids if name in fleet.workload_ids]
    pairs = []
    for half in (names[::2], names[1::2]):
        donors = known.rows([row for row, name in enumerate(known.workload_ids) if name not in half])
        samples = known.rows([known.workload_ids.index(name) for name in half])
        machines = fleet.rows([fleet.workload_ids.index(name) for name in half])
        pairs.append((rebuilt(machines, donors), ReplayData.from_panel(samples, "cpu")))
    made, real = zip(*pairs, strict=True)
    return _stacked(made), _stacked(real)


def _stacked(parts: Sequence[ReplayData]) -> ReplayData:
    labels = tuple(name for part in parts for name in part.workload_ids)
    usage, capacity = (np.concatenate([getattr(part, name) for part in parts]) for name in ("usage", "capacity"))
    return ReplayData(usage, capacity, parts[0].start, parts[0].step, labels)


def shares(panel: Panel, column: str = MEAN) -> Array:
    """Return usage as shares of the capacity, shape [n, T]; NaN where a machine is off or unknown."""
    whole = panel[CAPACITY].astype(np.float64)
    return np.divide(panel[column], whole, out=np.full_like(whole, np.nan), where=whole > 0.0)


def _shaped(mean: Array, peak: Array, shapes: Array) -> Array:
    """Return samples [m, s] with means and peaks [m] of their own in shapes of mean 0 and peak 1 [m, s].

    A shape may fall deeper than zero allows: its samples stop there, and the others except the peak give way.
    """
    samples = np.maximum(mean[:, None] + (peak - mean)[:, None] * shapes, 0.0)
    top = shapes.argmax(axis=1)[:, None]
    rest = samples.sum(axis=1) - peak
    room = samples.shape[1] * mean - peak
    samples *= np.divide(room, rest, out=np.ones_like(rest), where=rest > 0.0)[:, None]
    np.put_along_axis(samples, top, peak[:, None], axis=1)
    return samples
