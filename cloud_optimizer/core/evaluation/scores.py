"""Sums of losses per workload and origin and per step ahead, and the tables made of them.

Forecasts themselves are not kept: [n, origins] sums are 1/240 of them and are all that tables and the champion gate
need.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from cloud_optimizer.core.contracts import QUANTILE_LEVELS
from cloud_optimizer.core.evaluation import metrics
from cloud_optimizer.core.evaluation.metrics import Float64Array
from cloud_optimizer.core.panel import FloatArray

STATISTICS: Final = (
    "count",  # observed intervals
    "demand",  # sum |y|
    "absolute_error",  # of the median
    "quantile_score",  # twice the mean pinball loss over the levels
    "over_forecast",  # sum max(median - y, 0)
    "inside_80",
    "inside_95",
    "provision",  # capacity held all horizon long: the highest PROVISION_LEVEL quantile of the horizon
    "shortage",  # sum max(y - that capacity, 0)
)
MEDIAN: Final = QUANTILE_LEVELS.index(0.5)
PROVISION_LEVEL: Final = QUANTILE_LEVELS.index(0.95)

Sums = Mapping[str, Float64Array]


@dataclass(frozen=True)
class WindowScores:
    """Sums of one model and target.

    Args:
        by_window: Statistic to [n, origins], summed over the horizon.
        by_step: Statistic to [horizon], summed over workloads and origins.
    """

    by_window: dict[str, Float64Array] = field(default_factory=dict)
    by_step: dict[str, Float64Array] = field(default_factory=dict)

    @classmethod
    def empty(cls, workloads: int, origins: int, horizon: int) -> "WindowScores":
        """Return sums of zero."""
        return cls(
            {name: np.zeros((workloads, origins)) for name in STATISTICS},
            {name: np.zeros(horizon) for name in STATISTICS},
        )

    def add(self, origin: int, actual: FloatArray, quantiles: FloatArray) -> None:
        """Add the forecasts [n, horizon, levels] of the origin at this position; NaN actuals do not count."""
        for name, values in _statistics(actual, quantiles).items():
            self.by_window[name][:, origin] = metrics.total(values, axis=1)
            self.by_step[name] += metrics.total(values, axis=0)


def _statistics(actual: FloatArray, quantiles: FloatArray) -> dict[str, metrics.Array]:
    median = quantiles[..., MEDIAN]
    capacity = np.repeat(quantiles[..., PROVISION_LEVEL].max(axis=1, keepdims=True), actual.shape[1], axis=1)
    values: dict[str, metrics.Array] = {
        "count": np.ones_like(actual),
        "demand": np.abs(actual),
        "absolute_error": np.abs(actual - median),
        "quantile_score": metrics.quantile_score(actual, quantiles),
        "over_forecast": np.maximum(median - actual, 0),
        "inside_80": metrics.inside(actual, quantiles, metrics.CENTRAL_80).astype(np.float32),
        "inside_95": metrics.inside(actual, quantiles, metrics.CENTRAL_95).astype(np.float32),
        "provision": capacity,
        "shortage": np.maximum(actual - capacity, 0),
    }
    return {name: metrics.where_observed(value, actual) for name, value in values.items()}


def accuracy(sums: Sums) -> dict[str, Float64Array]:
    """Turn sums of any shape into ratios of that shape; NaN where nothing was observed."""
    under = sums["absolute_error"] - sums["over_forecast"]
    return {
        "wape": metrics.ratio(sums["absolute_error"], sums["demand"]),
        "wql": metrics.ratio(sums["quantile_score"], sums["demand"]),
        "coverage_80": metrics.ratio(sums["inside_80"], sums["count"]),
        "coverage_95": metrics.ratio(sums["inside_95"], sums["count"]),
        "over_forecast_ratio": metrics.ratio(sums["over_forecast"], sums["demand"]),
        "under_forecast_ratio": metrics.ratio(under, sums["demand"]),
    }


def decision_cost(sums: Sums, shortage_price: float) -> Float64Array:
    """Cost of a decision that trusts the forecast, in unit-intervals (core-hours for hourly cores), of any shape.

    The workload gets the highest 0.95 quantile of the horizon as capacity; demand above it costs `shortage_price`
    times what providing it would have cost. Example: capacity 4 for demands (3, 5, 2) costs 12 + 64 * 1 = 76.
    """
    return np.asarray(sums["provision"] + shortage_price * sums["shortage"])


def window_mase(scores: WindowScores, scale: Float64Array) -> Float64Array:
    """MASE of every workload and origin, [n, origins], given the in-sample scale of the same shape."""
    error = metrics.ratio(scores.by_window["absolute_error"], scores.by_window["count"])
    return metrics.ratio(error, scale)


def mean_known(values: Float64Array, axis: int | None = None) -> Float64Array:
    """Mean over what is not NaN; NaN where all of it is."""
    known = ~np.isnan(values)
    return metrics.ratio(np.where(known, values, 0).sum(axis=axis), known.sum(axis=axis))


def pooled_row(scores: WindowScores, scale: Float64Array) -> dict[str, float | int]:
    """Everything pooled: accuracy, the median over series of their WAPE, mean MASE, series and origins scored."""
    pooled = accuracy({name: values.sum() for name, values in scores.by_window.items()})
    by_series = accuracy({name: values.sum(axis=1) for name, values in scores.by_window.items()})["wape"]
    scored = scores.by_window["count"] > 0
    return {
        "mase": float(mean_known(window_mase(scores, scale))),
        **{name: float(value) for name, value in pooled.items()},
        "wape_median": float(np.median(by_series[~np.isnan(by_series)])) if (~np.isnan(by_series)).any() else np.nan,
        "series": int(scored.any(axis=1).sum()),
        "windows": int(scored.any(axis=0).sum()),
    }


def workload_frame(scores: WindowScores, scale: Float64Array, workload_ids: tuple[str, ...]) -> pl.DataFrame:
    """One row a scored workload: accuracy, MASE and number of origins."""
    sums = {name: values.sum(axis=1) for name, values in scores.by_window.items()}
    columns = {
        "workload_id": list(workload_ids),
        "mase": mean_known(window_mase(scores, scale), axis=1),
        **accuracy(sums),
        "windows": (scores.by_window["count"] > 0).sum(axis=1),
    }
    return pl.DataFrame(columns).filter(pl.col("windows") > 0).fill_nan(None)


def step_frame(scores: WindowScores) -> pl.DataFrame:
    """One row a step ahead, 1 for the interval that starts at the origin."""
    steps = np.arange(1, len(scores.by_step["count"]) + 1)
    return pl.DataFrame({"step_ahead": steps, **accuracy(scores.by_step)}).fill_nan(None)
