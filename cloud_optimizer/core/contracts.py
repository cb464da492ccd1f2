"""Column contracts shared by every stage: names, types, units, targets and quantile levels.

Units stand in the names. Timestamps are UTC and label the start of their interval. Unknown is null, never 0.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

import polars as pl

Resource = Literal["cpu", "memory"]

UTC_TIMESTAMP: Final = pl.Datetime("us", "UTC")

KEY_SCHEMA: Final = {"cluster": pl.String(), "workload_id": pl.String(), "timestamp": UTC_TIMESTAMP}

MEASURES: Final = (
    "cpu_usage_cores",
    "cpu_usage_peak_cores",  # highest usage inside the interval, where the source knows it; else null
    "cpu_capacity_cores",  # 0 means the workload is switched off
    "memory_usage_bytes",
    "memory_capacity_bytes",
    "disk_read_bytes_per_second",
    "disk_write_bytes_per_second",
    "network_receive_bytes_per_second",
    "network_transmit_bytes_per_second",
    "requests_per_second",
    "latency_p95_seconds",
    "error_ratio",  # failed requests / requests, 0..1
    "replicas",  # running instances; usage and capacity are totals over them; null means one
)

SAMPLE_SCHEMA: Final = pl.Schema({**KEY_SCHEMA, **dict.fromkeys(MEASURES, pl.Float64())})
"""One telemetry sample as received from a source."""

STATES: Final = ("on", "off", "gap")

CLEAN_SCHEMA: Final = pl.Schema(
    {**KEY_SCHEMA, "state": pl.Enum(STATES), "sample_count": pl.UInt32(), **dict.fromkeys(MEASURES, pl.Float64())}
)
"""One slot of the regular grid; `sample_count` received samples stand behind it. Usage is null unless on."""

ROLLUP_MEASURES: Final = (
    "cpu_usage_cores_mean",
    "cpu_usage_cores_max",
    "cpu_usage_cores_p95",
    "cpu_usage_cores_std",
    "cpu_capacity_cores",
    "memory_usage_bytes_mean",
    "memory_usage_bytes_max",
    "memory_usage_bytes_std",
    "memory_capacity_bytes",
    "disk_read_bytes_per_second_mean",
    "disk_write_bytes_per_second_mean",
    "network_receive_bytes_per_second_mean",
    "network_transmit_bytes_per_second_mean",
    "requests_per_second_mean",
    "requests_per_second_max",
    "latency_p95_seconds_max",
    "error_ratio_mean",
    "replicas_mean",
)

ROLLUP_SCHEMA: Final = pl.Schema(
    {
        **KEY_SCHEMA,
        "on_count": pl.UInt32(),  # grid slots in state on
        "off_count": pl.UInt32(),
        "expected_count": pl.UInt32(),  # grid slots of the interval
        **dict.fromkeys(ROLLUP_MEASURES, pl.Float64()),
    }
)
"""One interval (an hour in the platform) of one workload. Usage statistics are over slots in state on, else null."""


@dataclass(frozen=True)
class Target:
    """A demand series that models forecast.

    Args:
        name: Short name, as in forecasts and accuracy tables.
        resource: The resource that a decision sizes by it.
        column: Roll-up column that holds the demand, in `unit`.
        capacity_column: Roll-up column of the provisioned capacity, in `unit`.
        unit: `cores` or `bytes`.
    """

    name: str
    resource: Resource
    column: str
    capacity_column: str
    unit: str


TARGETS: Final = (
    Target("cpu_mean", "cpu", "cpu_usage_cores_mean", "cpu_capacity_cores", "cores"),
    Target("cpu_peak", "cpu", "cpu_usage_cores_max", "cpu_capacity_cores", "cores"),
    Target("memory_mean", "memory", "memory_usage_bytes_mean", "memory_capacity_bytes", "bytes"),
    Target("memory_peak", "memory", "memory_usage_bytes_max", "memory_capacity_bytes", "bytes"),
)

TARGETS_BY_NAME: Final = {target.name: target for target in TARGETS}

QUANTILE_LEVELS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99)


def quantile_column(level: float) -> str:
    """Return the column name of a quantile level: 0.95 gives `q0.95`."""
    return f"q{level:g}"


FORECAST_SCHEMA: Final = pl.Schema(
    {
        "cluster": pl.String(),
        "workload_id": pl.String(),
        "origin": UTC_TIMESTAMP,  # only data before the origin was used
        "target": pl.String(),
        "timestamp": UTC_TIMESTAMP,  # start of the forecast interval, origin <= timestamp
        "model": pl.String(),
        "model_version": pl.String(),
        **{quantile_column(level): pl.Float64() for level in QUANTILE_LEVELS},
    }
)
"""One forecast interval of one workload and target, in the target's unit."""

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
