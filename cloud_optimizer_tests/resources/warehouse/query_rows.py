"""Rows that queries are asked about, small enough to work the answers out by hand."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta

import polars as pl

from cloud_optimizer.resources.warehouse import (
    HOURS,
    Table,
    Warehouse,
)
from cloud_optimizer.resources.warehouse.dimensions import record_workloads

START = date(2025, 3, 3)
GIB = 2.0**30
Usage = Callable[[int], float]


def table_of(table: Table, count: int, **columns: object) -> pl.DataFrame:
    """Return rows of a table with some columns given and the others null."""
    frame = pl.DataFrame(
        {name: pl.Series(value if isinstance(value, list) else [value] * count) for name, value in columns.items()}
    )
    return (
        frame.with_columns(pl.lit(None).alias(name) for name in table.schema if name not in columns)
        .select(table.schema.names())
        .cast(table.schema)
    )


def hours(workload: str, count: int, cores: Usage, *, capacity: float = 4.0, peak: float = 1.0) -> pl.DataFrame:
    """Return `count` hours of a workload: mean `cores`, maximum `peak` times as much, half of 8 GiB in use."""
    start = datetime(START.year, START.month, START.day, tzinfo=UTC)
    times = [start + timedelta(hours=hour) for hour in range(count)]
    used = [float(cores(hour)) for hour in range(count)]
    return table_of(
        HOURS, count, cluster="alpha", workload_id=workload, timestamp=times,
        on_count=12, off_count=0, expected_count=12,
        cpu_usage_cores_mean=used, cpu_usage_cores_max=[peak * one for one in used], cpu_capacity_cores=capacity,
        memory_usage_bytes_mean=4 * GIB, memory_usage_bytes_max=4 * GIB, memory_capacity_bytes=8 * GIB,
    )  # fmt: skip


def put(warehouse: Warehouse, frames: Mapping[Table, pl.DataFrame], days: int = 14) -> None:
    warehouse.replace("alpha", START, START + timedelta(days=days), frames)


def describe(warehouse: Warehouse, **columns: list[object]) -> None:
    count = len(next(iter(columns.values())))
    frame = pl.DataFrame({"cluster": ["alpha"] * count, **columns})
    record_workloads(warehouse, frame, datetime(2025, 1, 1, tzinfo=UTC))
