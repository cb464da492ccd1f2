"""Small roll-ups and forecasts of made-up workloads whose right answers are known."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import (
    FORECAST_SCHEMA,
    HOUR,
    QUANTILE_LEVELS,
    ROLLUP_SCHEMA,
    quantile_column,
)
from cloud_optimizer.core.recommendations.inputs import RecommendationInputs

DAY = date(2026, 3, 10)  # a Tuesday
ORIGIN = datetime(2026, 3, 11, tzinfo=UTC)
GIB = 2.0**30


def rollup(workload_id: str, mean: NDArray[np.float64], **columns: object) -> pl.DataFrame:
    """Return the hours of one workload that end at ORIGIN: CPU mean, and a peak of 1.2 times the mean.

    Memory is 1 GiB of 4, CPU capacity 4 cores, unless `columns` say otherwise (values or arrays).
    """
    hours = len(mean)
    base: dict[str, object] = {
        "cluster": "shop",
        "workload_id": workload_id,
        "timestamp": [ORIGIN - (hours - hour) * HOUR for hour in range(hours)],
        "on_count": 12,
        "off_count": 0,
        "expected_count": 12,
        "cpu_usage_cores_mean": mean,
        "cpu_usage_cores_p95": mean * 1.1,
        "cpu_usage_cores_max": mean * 1.2,
        "cpu_capacity_cores": 4.0,
        "memory_usage_bytes_mean": GIB,
        "memory_usage_bytes_max": 1.1 * GIB,
        "memory_capacity_bytes": 4.0 * GIB,
    }
    frame = pl.DataFrame(base | columns)
    missing = [pl.lit(None, kind).alias(name) for name, kind in ROLLUP_SCHEMA.items() if name not in frame.columns]
    return frame.with_columns(missing).select(ROLLUP_SCHEMA.names()).cast(ROLLUP_SCHEMA)


def forecast(workload_id: str, levels: Mapping[str, float], spread: float = 0.2) -> pl.DataFrame:
    """Return 24 equal hours of each target: quantile q is median * (1 + spread * (q - .5)), +- `spread` / 2 in all."""
    rows = [
        {
            "cluster": "shop",
            "workload_id": workload_id,
            "origin": ORIGIN,
            "target": target,
            "timestamp": ORIGIN + hour * HOUR,
            "model": "made_up",
            "model_version": "7",
            **{quantile_column(level): median * (1 + spread * (level - 0.5)) for level in QUANTILE_LEVELS},
        }
        for target, median in levels.items()
        for hour in range(24)
    ]
    return pl.DataFrame(rows, schema=FORECAST_SCHEMA)


def inputs(history: pl.DataFrame, **given: object) -> RecommendationInputs:
    """Return inputs of the cluster `shop` as of the end of DAY."""
    defaults: dict[str, object] = {"cluster": "shop", "date": DAY, "created_at": ORIGIN, "history": history}
    return RecommendationInputs(**(defaults | given))
