"""Roll-ups: the clean grid summed up per interval, and the panel that models and replays read."""

import math
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from cloud_optimizer.core.contracts import ROLLUP_MEASURES, ROLLUP_SCHEMA
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.panel import Panel

PANEL_COLUMNS: Final = (*ROLLUP_MEASURES, "observed_fraction", "off_fraction")
"""Columns of a roll-up panel. The fractions are of the interval's slots: with a sample, and switched off."""

_MINIMUM_SHARE: Final = 0.5  # of an interval's slots must hold a value, else its statistics are unknown

_CAPACITIES: Final = ("cpu_capacity_cores", "memory_capacity_bytes")

_CPU_PEAK: Final = pl.max_horizontal("cpu_usage_peak_cores", "cpu_usage_cores")

_USAGE: Final = {
    "cpu_usage_cores_mean": pl.col("cpu_usage_cores").mean(),
    "cpu_usage_cores_max": _CPU_PEAK.max(),
    "cpu_usage_cores_p95": pl.col("cpu_usage_cores").quantile(0.95, "linear"),
    "cpu_usage_cores_std": pl.col("cpu_usage_cores").std(),
    "memory_usage_bytes_mean": pl.col("memory_usage_bytes").mean(),
    "memory_usage_bytes_max": pl.col("memory_usage_bytes").max(),
    "memory_usage_bytes_std": pl.col("memory_usage_bytes").std(),
    "disk_read_bytes_per_second_mean": pl.col("disk_read_bytes_per_second").mean(),
    "disk_write_bytes_per_second_mean": pl.col("disk_write_bytes_per_second").mean(),
    "network_receive_bytes_per_second_mean": pl.col("network_receive_bytes_per_second").mean(),
    "network_transmit_bytes_per_second_mean": pl.col("network_transmit_bytes_per_second").mean(),
    "requests_per_second_mean": pl.col("requests_per_second").mean(),
    "requests_per_second_max": pl.col("requests_per_second").max(),
    "latency_p95_seconds_max": pl.col("latency_p95_seconds").max(),
    "error_ratio_mean": pl.col("error_ratio").mean(),
    "replicas_mean": pl.col("replicas").filter(pl.col("state") == "on").mean(),
}


def roll_up(clean: pl.DataFrame, step: timedelta, cadence: timedelta) -> pl.DataFrame:
    """Return `CLEAN_SCHEMA` rows summed up per `step`, in `ROLLUP_SCHEMA`, sorted by workload and time.

    A usage statistic is over the slots in which the workload ran and the measure is known; it is null where those are
    fewer than half of the interval's slots, so six of twelve are enough. Capacity is the last one known while on, 0
    where the workload was only seen off, else null. The CPU maximum takes a source's peaks where there are any. The
    standard deviation has one degree of freedom less than slots: of a single slot it is unknown.

    Args:
        clean: The regular grid of one or more clusters.
        step: Length of an interval, a multiple of the cadence.
        cadence: Length of a grid slot.

    Raises:
        InputError: `step` is not a multiple of `cadence`.
    """
    if step < cadence or step % cadence:
        raise InputError(f"a roll-up of {step} cannot be made of {cadence} slots: choose a multiple of the slot")
    slots = step // cadence
    rows = clean.with_columns(pl.col("timestamp").dt.truncate(step))
    summed = _of_single_slots(rows) if slots == 1 else _of_several_slots(rows, slots)
    return (
        summed.with_columns(pl.lit(slots, pl.UInt32).alias("expected_count"))
        .select(ROLLUP_SCHEMA.names())
        .cast(ROLLUP_SCHEMA)
        .sort("cluster", "workload_id", "timestamp")
    )


def _of_several_slots(rows: pl.DataFrame, slots: int) -> pl.DataFrame:
    on = pl.col("state") == "on"
    enough = math.ceil(_MINIMUM_SHARE * slots)
    statistics = [
        pl.when(pl.col(_measure_of(name)).filter(on).count() >= enough).then(value).alias(name)
        for name, value in _USAGE.items()
    ]
    seen_off = (pl.col("state") == "off").any() & ~on.any()
    capacities = [
        pl.when(seen_off).then(pl.col(name).max()).otherwise(pl.col(name).filter(on).drop_nulls().last()).alias(name)
        for name in _CAPACITIES
    ]
    counts = [(pl.col("state") == state).sum().alias(f"{state}_count") for state in ("on", "off")]
    keys = ["cluster", "workload_id", "timestamp"]
    ordered = rows.sort(keys, maintain_order=True)
    return ordered.group_by(keys, maintain_order=True).agg(*counts, *statistics, *capacities)


def _of_single_slots(rows: pl.DataFrame) -> pl.DataFrame:
    """The same without grouping, which would cost seconds on a 5-minute grid of months."""
    on = pl.col("state") == "on"
    return rows.with_columns(
        on.cast(pl.UInt32).alias("on_count"),
        (pl.col("state") == "off").cast(pl.UInt32).alias("off_count"),
        *[_single_slot_value(name).alias(name) for name in _USAGE],
    )


def _single_slot_value(name: str) -> pl.Expr:
    if name.endswith("_std"):
        return pl.lit(None, pl.Float64)
    if name == "cpu_usage_cores_max":
        return _CPU_PEAK
    return pl.when(pl.col("state") == "on").then(pl.col(_measure_of(name)))


def _measure_of(statistic: str) -> str:
    """Return the measure behind a statistic: cpu_usage_cores_p95 is of cpu_usage_cores."""
    return statistic.rpartition("_")[0]


def panel_from_rollup(frame: pl.DataFrame, start: datetime, end: datetime, step: timedelta) -> Panel:
    """Return the panel of one cluster's roll-up on [start, end) with `PANEL_COLUMNS`.

    Where an interval has no row nothing was observed: measures are NaN, both fractions 0.
    """
    expected = pl.col("expected_count")
    fractions = frame.with_columns(
        ((pl.col("on_count") + pl.col("off_count")) / expected).alias("observed_fraction"),
        (pl.col("off_count") / expected).alias("off_fraction"),
    )
    panel = Panel.from_frame(fractions, PANEL_COLUMNS, start, end, step)
    counted = {name: np.nan_to_num(panel[name], nan=0.0) for name in ("observed_fraction", "off_fraction")}
    return panel.with_columns(counted)
