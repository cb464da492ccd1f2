"""Past and forecast demand of many workloads as dense arrays, and the sample distribution that stands behind hours."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import HOUR, QUANTILE_LEVELS, UTC_TIMESTAMP, Resource, quantile_column
from cloud_optimizer.core.sizing.curve import Array

HISTORY_COLUMNS: Final[dict[Resource, tuple[str, str | None, str, str]]] = {
    "cpu": ("cpu_usage_cores_mean", "cpu_usage_cores_p95", "cpu_usage_cores_max", "cpu_capacity_cores"),
    "memory": ("memory_usage_bytes_mean", None, "memory_usage_bytes_max", "memory_capacity_bytes"),
}
"""Roll-up columns of mean, 95th percentile, peak and capacity."""

HOURS_PER_DAY: Final = 24
P95_SHARE: Final = 0.05
MEASURING_SLACK: Final = 1.03  # usage above the capacity that meters report


@dataclass(frozen=True)
class DemandHistory:
    """Hours of n workloads on one axis that ends at the origin; all arrays have the shape [n, hours].

    Args:
        mean: Mean usage of the hour; NaN where the workload was not observed on.
        p95: 95th percentile of the hour's samples, the peak where the source has none.
        peak: Highest usage.
        capacity: Provisioned capacity; NaN where unknown or off.
        samples: Samples in state on.
    """

    mean: Array
    p95: Array
    peak: Array
    capacity: Array
    samples: Array

    @property
    def hours(self) -> int:
        """Length of the axis."""
        return int(self.mean.shape[1])

    def last_capacity(self) -> Array:
        """Return the latest known capacity, shape [n], NaN where there is none."""
        known = np.isfinite(self.capacity)
        last = self.hours - 1 - np.argmax(known[:, ::-1], axis=1)
        return np.where(known.any(axis=1), self.capacity[np.arange(len(known)), last], np.nan)

    def last(self, hours: Array) -> "DemandHistory":
        """Return the history with what lies more than `hours` [n] before its end unknown."""
        inside = np.arange(self.hours)[::-1] < hours[:, None]
        arrays = (self.mean, self.p95, self.peak, self.capacity, self.samples)
        return DemandHistory(*(np.where(inside, array, np.nan) for array in arrays))

    def highest_of_days(self) -> Array:
        """Return the peak of each whole day, shape [n, days]; NaN where nothing was observed."""
        return np.asarray(np.fmax.reduce(self.peak.reshape(len(self.peak), -1, HOURS_PER_DAY), axis=2))

    def samples_behind(self) -> tuple[Array, Array]:
        """Return values and weights, each [n, 3 * hours], that stand for the samples of the hours.

        An hour of k samples with mean m, 95th percentile p and peak x becomes x with weight 1/k, p with weight
        max(1/k, .05), and the remaining weight at the value that keeps the mean. 12 samples, mean 1, p95 2, peak 4:
        4 and 2 with weight 1/12 each, and (1 - 6/12) / (10/12) = .6 with weight 10/12. Weights are times k.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            top = 1.0 / self.samples
            upper = np.minimum(np.maximum(top, P95_SHARE), 1.0 - top)
            rest = 1.0 - top - upper
            low = np.where(rest > 0, (self.mean - top * self.peak - upper * self.p95) / rest, self.mean)
        low = np.clip(low, 0.0, self.p95)
        values = np.concatenate([low, self.p95, self.peak], axis=1)
        return values, np.concatenate([rest, upper, top], axis=1) * np.tile(self.samples, (1, 3))

    def saturated(self, utilization: float, factor: float) -> "DemandHistory":
        """Return the history with usage at the capacity read as more demand than could be seen.

        Usage from `utilization` of the hour's capacity on is cut off by it, so that it is multiplied by `factor`.
        """

        def grow(usage: Array) -> Array:
            return np.where(usage >= utilization * self.capacity, usage * factor, usage)

        return DemandHistory(self.mean, grow(self.p95), grow(self.peak), self.capacity, self.samples)

    def reachable(self, quantiles: Array, utilization: float, factor: float) -> Array:
        """Return forecast quantiles [n, horizon, levels] that the workload can show, read like `saturated` history.

        A forecast of what could be observed ends at the present capacity or the highest usage seen, and 3 % above it.
        """
        present = self.last_capacity()
        most = MEASURING_SLACK * np.fmax(present, np.fmax.reduce(self.peak, axis=1, initial=np.nan))
        capped = np.minimum(quantiles, np.where(np.isfinite(present), most, np.inf)[:, None, None])
        return np.where(capped >= utilization * present[:, None, None], capped * factor, capped)


def place(frame: pl.DataFrame, workloads: pl.DataFrame, start: datetime, hours: int) -> pl.DataFrame:
    """Give the rows of `workloads` in the `hours` from `start` their place on a dense axis: columns `row` and `hour`.

    Rows follow `workloads`, a frame of the one column workload_id.
    """
    hour = (pl.col("timestamp") - pl.lit(start, UTC_TIMESTAMP)).dt.total_hours().alias("hour")
    inside = frame.filter(pl.col("timestamp").is_between(start, start + hours * HOUR, closed="left"))
    return inside.with_columns(hour).join(workloads.with_row_index("row"), on="workload_id", how="inner")


def demand_history(placed: pl.DataFrame, resource: Resource, shape: tuple[int, int]) -> DemandHistory:
    """Scatter placed roll-up rows onto dense arrays of `shape`, workloads by hours."""
    mean, p95, peak, capacity = HISTORY_COLUMNS[resource]
    names = [mean, p95 or peak, peak, capacity, "on_count"]
    arrays = _scatter(placed, names, shape)
    arrays[capacity][arrays[capacity] <= 0] = np.nan  # 0 means switched off
    observed = np.isfinite(arrays[mean]) & np.isfinite(arrays[peak]) & (arrays["on_count"] > 0)
    shown = {name: np.where(observed, arrays[name], np.nan) for name in (mean, p95 or peak, peak, "on_count")}
    p95_or_peak = np.where(np.isfinite(shown[names[1]]), np.minimum(shown[names[1]], shown[peak]), shown[peak])
    return DemandHistory(shown[mean], p95_or_peak, shown[peak], arrays[capacity], shown["on_count"])


def forecast_quantiles(placed: pl.DataFrame, target: str, shape: tuple[int, int]) -> Array:
    """Return the quantiles of one target, shape [n, horizon, levels]; NaN where there is no placed forecast row."""
    names = [quantile_column(level) for level in QUANTILE_LEVELS]
    arrays = _scatter(placed.filter(pl.col("target") == target), names, shape)
    quantiles = np.stack([arrays[name] for name in names], axis=2)
    return np.maximum.accumulate(np.maximum(quantiles, 0.0), axis=2)


def _scatter(placed: pl.DataFrame, names: list[str], shape: tuple[int, int]) -> dict[str, Array]:
    """Put placed rows onto arrays of float64; NaN where no row is."""
    at: tuple[NDArray[np.intp], NDArray[np.intp]] = (placed["row"].to_numpy(), placed["hour"].to_numpy())
    arrays = {}
    for name in dict.fromkeys(names):
        values = np.full(shape, np.nan)
        values[at] = placed[name].cast(pl.Float64).to_numpy()
        arrays[name] = values
    return arrays
