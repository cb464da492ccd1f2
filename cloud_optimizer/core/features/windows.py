"""Lags, rolling and same-hour statistics of a block of rows: sorts the registry's entries into kernel calls."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Final

import numpy as np

from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.features.spec import FeatureSpec
from cloud_optimizer.core.panel import FloatArray

MINIMUM_OBSERVED_FRACTION: Final = 0.25
"""A statistic over a window is unknown unless at least this share of it, and two values, were observed."""

WINDOWED: Final = frozenset({"lag", "change", "rolling", "same_hour"})

_LEVELS: Final = {"min": 0.0, "p50": 0.5, "p95": 0.95, "max": 1.0}
_SKIPPED: Final = np.empty((0, 0), dtype=np.float32)  # for a statistic that nobody asked for


@dataclass(frozen=True)
class Axis:
    """The time axis of a block.

    Args:
        first: Column of the block that is the first to be built; what lies before it is history.
        step: Length of an interval.
        epoch: Intervals from 1970-01-01 to the block's first column.
    """

    first: int
    step: timedelta
    epoch: int

    def intervals(self, window: timedelta) -> int:
        """Return the number of intervals in a window."""
        return window // self.step


def minimum_observed(intervals: int) -> int:
    """Return how many values of a window must be known: 168 intervals need 42."""
    return max(2, ceil(MINIMUM_OBSERVED_FRACTION * intervals))


def fill_windows(
    specs: Sequence[FeatureSpec], columns: Mapping[str, FloatArray], axis: Axis, out: Mapping[str, FloatArray]
) -> None:
    """Compute the windowed features of a block.

    Args:
        specs: Features to compute; others than windowed ones are left alone.
        columns: Source columns with their history, each of shape [rows, columns].
        axis: The block's time axis.
        out: Feature name to the array that is written, shape [rows, columns - axis.first].
    """
    from cloud_optimizer.core.features import kernels

    rolling: defaultdict[tuple[str, timedelta], dict[str, FloatArray]] = defaultdict(dict)
    same_hour: defaultdict[tuple[str, timedelta], dict[str, FloatArray]] = defaultdict(dict)
    for spec in specs:
        if spec.window is None or spec.transform not in WINDOWED:
            continue
        source, target = spec.sources[0], out[spec.name]
        if spec.transform in ("rolling", "same_hour"):
            groups = rolling if spec.transform == "rolling" else same_hour
            groups[source, spec.window][str(spec.statistic)] = target
        else:
            _lag(columns[source], axis, axis.intervals(spec.window), target, change=spec.transform == "change")
    for (source, window), outputs in rolling.items():
        _rolling(columns[source], axis, axis.intervals(window), outputs)
    for (source, window), outputs in same_hour.items():
        day, days = axis.intervals(DAY), window // DAY
        targets = tuple(outputs[statistic] for statistic in ("mean", "std", "max"))
        kernels.same_time_moments(columns[source], axis.first, day, days, minimum_observed(days), *targets)


def _lag(values: FloatArray, axis: Axis, intervals: int, target: FloatArray, *, change: bool) -> None:
    unknown = min(max(intervals - axis.first, 0), target.shape[1])
    earlier = values[:, axis.first + unknown - intervals : values.shape[1] - intervals] if target.size else target
    target[:, :unknown] = np.nan
    if unknown == target.shape[1]:
        return
    if change:
        np.subtract(values[:, axis.first + unknown :], earlier, out=target[:, unknown:])
    else:
        target[:, unknown:] = earlier


def _rolling(values: FloatArray, axis: Axis, intervals: int, outputs: Mapping[str, FloatArray]) -> None:
    from cloud_optimizer.core.features import kernels

    minimum, phase = minimum_observed(intervals), axis.epoch % intervals
    if outputs.keys() & {"mean", "std"}:
        mean, std = outputs["mean"], outputs.get("std", _SKIPPED)
        kernels.rolling_moments(values, axis.first, intervals, phase, minimum, mean, std)
    ordered = {statistic: target for statistic, target in outputs.items() if statistic in _LEVELS}
    if ordered.keys() <= {"min", "max"}:
        low, high = ordered.get("min", _SKIPPED), ordered.get("max", _SKIPPED)
        kernels.rolling_extremes(values, axis.first, intervals, phase, minimum, low, high)
    else:
        before = values[:, max(axis.first - intervals, 0) : axis.first]
        before = np.sort(np.where(np.isnan(before), np.float32(np.inf), before), axis=1)
        levels = np.array([_LEVELS[statistic] for statistic in ordered])
        kernels.rolling_quantiles(values, before, axis.first, intervals, minimum, levels, tuple(ordered.values()))
