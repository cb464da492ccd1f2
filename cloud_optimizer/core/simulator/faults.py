"""What goes wrong in a simulated fleet: an outage, a workload that is switched off, and defective rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.simulator.fleet import OFF, Fleet, position_of
from cloud_optimizer.core.simulator.randomness import Array, keys_of, uniform
from cloud_optimizer.core.simulator.settings import SimulatorSettings

OUTAGE_LONGEST = 6 * HOUR
OFF_LONGEST = 48 * HOUR
FAULTS = ("negative", "not_a_number", "duplicate", "conflict", "far_above_capacity")
"""Kinds of defective rows, equally likely."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Span:
    """A stretch of time [start, end)."""

    start: datetime
    end: datetime


def outage(settings: SimulatorSettings, cluster: str) -> Span:
    """Return when a cluster's samples are missing: 1 % of the range, at most 6 h, somewhere from 40 % to 55 % of it."""
    key = keys_of(settings.seed, cluster, ("",), "outage")
    at = 0.40 + 0.15 * uniform(key, np.zeros(1, dtype=np.int64))[0, 0]
    return _span(settings, at, 0.01, OUTAGE_LONGEST)


def off_period(settings: SimulatorSettings) -> Span:
    """Return when one workload of each cluster is off: 4 % of the range, at most 2 days, from 30 % of it on."""
    return _span(settings, 0.30, 0.04, OFF_LONGEST)


def _span(settings: SimulatorSettings, at: float, share: float, longest: timedelta) -> Span:
    whole = settings.end - settings.begin
    start = settings.begin + (at * whole) // HOUR * HOUR
    return Span(start, start + max(min(share * whole, longest) // HOUR, 1) * HOUR)


def switch_off(fleet: Fleet, measures: Mapping[str, Array], off: Mask) -> dict[str, Array]:
    """Return the measures with one workload off where `off` ([T]): no capacity, no use, no latency to measure."""
    row = position_of(fleet, OFF)
    changed = {name: values.copy() for name, values in measures.items()}
    for name, values in changed.items():
        if name in {"latency_p95_seconds", "error_ratio", "cpu_usage_peak_cores"}:
            values[row, off] = np.nan
        else:
            values[row, off] = np.where(np.isnan(values[row, off]), np.nan, 0.0)
    return changed


def fault_kinds(settings: SimulatorSettings, cluster: str, fleet: Fleet, slot: NDArray[np.int64]) -> NDArray[np.int8]:
    """Return the index into FAULTS of each sample, -1 where it is sound; shape [n, T]."""
    hit = uniform(keys_of(settings.seed, cluster, fleet.workload_ids, "fault"), slot) < settings.bad_row_share
    kind = uniform(keys_of(settings.seed, cluster, fleet.workload_ids, "fault/kind"), slot) * len(FAULTS)
    return np.where(hit, kind.astype(np.int8), np.int8(-1))


def spoil(measures: Mapping[str, Array], kind: NDArray[np.int8], repeated: Mask) -> dict[str, Array]:
    """Return rows with their faults.

    Args:
        measures: Sound rows by name, arrays of shape [R].
        kind: Index into FAULTS or -1, shape [R].
        repeated: The row is the second one with its timestamp, shape [R].
    """
    usage, capacity = measures["cpu_usage_cores"], measures["cpu_capacity_cores"]
    usage = np.where(kind == FAULTS.index("negative"), -usage - 0.01, usage)
    usage = np.where(kind == FAULTS.index("not_a_number"), np.nan, usage)
    usage = np.where(kind == FAULTS.index("far_above_capacity"), 25.0 * capacity, usage)
    disagrees = repeated & (kind == FAULTS.index("conflict"))
    memory = np.where(disagrees, 0.8 * measures["memory_usage_bytes"], measures["memory_usage_bytes"])
    return {**measures, "cpu_usage_cores": np.where(disagrees, 0.5 * usage, usage), "memory_usage_bytes": memory}
