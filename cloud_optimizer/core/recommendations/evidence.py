"""What was observed of each workload: how much, how complete, how high, and in which rhythm."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from cloud_optimizer.core.recommendations.demand import HOURS_PER_DAY, DemandHistory
from cloud_optimizer.core.recommendations.settings import MemoryGuardSettings
from cloud_optimizer.core.sizing.curve import Array

LEVELS = (0.5, 0.95, 0.99)


@dataclass(frozen=True)
class Spread:
    """Percentiles of a resource's samples, each of shape [n]; NaN where nothing was observed."""

    p50: Array
    p95: Array
    p99: Array
    highest: Array


def spread(history: DemandHistory) -> Spread:
    """Return the percentiles of the samples that stand behind the hours (see `DemandHistory.samples_behind`)."""
    values, weights = history.samples_behind()
    order = np.argsort(values, axis=1)  # NaN last
    ordered = np.take_along_axis(values, order, axis=1)
    mass = np.cumsum(np.nan_to_num(np.take_along_axis(weights, order, axis=1)), axis=1)
    rows = np.arange(len(values))
    levels = []
    for level in LEVELS:
        first = np.argmax(mass >= level * mass[:, -1:] - 1e-9, axis=1)
        levels.append(np.where(mass[:, -1] > 0, ordered[rows, first], np.nan))
    return Spread(levels[0], levels[1], levels[2], np.fmax.reduce(history.peak, axis=1, initial=np.nan))


def observed_hours(history: DemandHistory) -> Array:
    """Return the number of hours in which the resource was observed, shape [n]."""
    return np.asarray(np.isfinite(history.mean).sum(axis=1), dtype=np.float64)


def least_memory(history: DemandHistory, guard: MemoryGuardSettings) -> Array:
    """Return the memory that holds the highest recent peaks, shape [n]; 0 where nothing was observed.

    Peaks of 4, 5 and 6 GiB on three days and a capacity of 10 GiB: 6 * 1.15 + .25 * .816 + .02 * 10 = 7.30 GiB. It
    keeps sizes from shrinking too far and asks for no more than there is, unless usage was seen above that.
    """
    peaks, present = history.highest_of_days()[:, -guard.days :], history.last_capacity()
    known = np.isfinite(peaks)
    count = np.maximum(known.sum(axis=1), 1)
    mean = np.where(known, peaks, 0.0).sum(axis=1) / count
    deviation = np.sqrt(np.where(known, (peaks - mean[:, None]) ** 2, 0.0).sum(axis=1) / count)
    highest = np.fmax.reduce(peaks, axis=1, initial=0.0)
    share = guard.capacity_share * np.nan_to_num(present)
    roomy = highest * (1.0 + guard.margin) + guard.deviations * deviation + share
    return np.where(known.any(axis=1), np.fmin(roomy, np.maximum(present, highest)), 0.0)


def seasonal_ratio(history: DemandHistory) -> Array:
    """Return how far the busiest hour of the day stands out, shape [n].

    The median peak of each hour of the day over the days; the highest of the 24 over their median. NaN below seven
    days, where one event would look like a rhythm.
    """
    days = history.hours // HOURS_PER_DAY
    by_hour = history.peak[:, -days * HOURS_PER_DAY :].reshape(-1, days, HOURS_PER_DAY)
    enough = np.isfinite(by_hour).sum(axis=1).min(axis=1) >= 7
    typical = np.nanmedian(np.where(enough[:, None, None], by_hour, 0.0), axis=1)
    middle = np.median(typical, axis=1)
    return np.where(enough & (middle > 0), typical.max(axis=1) / np.where(middle > 0, middle, 1.0), np.nan)


def coverage(placed: pl.DataFrame, lookback: Array, hours: int) -> pl.DataFrame:
    """Return how much is known of each workload over its lookback.

    Args:
        placed: Roll-up rows with their place on an axis of `hours` that ends at the origin.
        lookback: Hours before the origin that count for each workload, shape [n].
        hours: Length of the axis.

    Returns:
        One row a workload: samples (slots in state on); lookback_days (first row to the origin); completeness (slots
        on or off / slots of that time); silence_hours (last hour with a sample to the origin); replicas (the latest);
        network_mean, network_peak, disk_peak in bytes per second, both directions together, hourly means.
    """
    rows = pl.DataFrame({"row": np.arange(len(lookback), dtype=np.uint32), "since": hours - lookback})
    inside = placed.join(rows, on="row", how="inner").filter(pl.col("hour") >= pl.col("since"))
    network = pl.col("network_receive_bytes_per_second_mean") + pl.col("network_transmit_bytes_per_second_mean")
    disk = pl.col("disk_read_bytes_per_second_mean") + pl.col("disk_write_bytes_per_second_mean")
    age = hours - pl.col("hour").min()
    told = pl.col("on_count") + pl.col("off_count")
    summed = inside.group_by("row").agg(
        samples=pl.col("on_count").sum(),
        completeness=told.sum() / (age * pl.col("expected_count").max()),
        lookback_days=age / HOURS_PER_DAY,
        silence_hours=(hours - 1 - pl.col("hour").filter(told > 0).max()).cast(pl.Float64),
        replicas=pl.col("replicas_mean").sort_by("hour").drop_nulls().last(),
        network_mean=network.mean(),
        network_peak=network.max(),
        disk_peak=disk.max(),
    )
    return rows.select("row").join(summed, on="row", how="left", maintain_order="left").drop("row")
