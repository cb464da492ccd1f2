"""Rows for any table of the warehouse, made from its schema alone."""

from datetime import UTC, date, datetime, timedelta

import polars as pl

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.resources.warehouse import Table

TEXT = {
    "resource": "cpu",
    "kind": "data",
    "currency": "USD",
    "status": "proposed",
    "ChargeCategory": "Usage",
    "replica_schedule": "[1,  2]",
    "options": '{"b": 1, "a": []}',
}


def rows(
    table: Table, cluster: str, start: date, *, days: int = 1, workloads: int = 2, value: float = 1.0
) -> pl.DataFrame:
    """Return one row per workload and day, every column filled; `value` is in every measure."""
    keys = [(cluster, f"w{n}", start + timedelta(days=d)) for n in range(workloads) for d in range(days)]
    return pl.DataFrame(
        {name: [_cell(table, name, key, value) for key in keys] for name in table.schema},
        schema=table.schema,
    ).sort(table.sort_key)


def _cell(table: Table, name: str, key: tuple[str, str, date], value: float) -> object:
    cluster, workload, day = key
    dtype = table.schema[name]
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    fixed = {
        "cluster": cluster,
        "workload_id": workload,
        "recommendation_id": f"{cluster}/{workload}/{day}",
        "column": workload,  # keeps the keys of tables without a workload apart
        "target": workload,
        "ResourceId": workload,
        "ChargePeriodEnd": midnight + timedelta(hours=2),
        table.day_column: midnight + timedelta(hours=1) if table.is_timed else day,
        "origin": midnight + timedelta(days=1),
        **TEXT,
        "Tags": "{}",
        "state": "on",
        "expected_count": 12,
    }
    if table.name == "champions":
        fixed["resource"] = {"w0": "cpu", "w1": "memory"}[workload]
    if name in fixed:
        return fixed[name]
    if dtype == UTC_TIMESTAMP:
        return midnight + timedelta(days=1)
    if dtype == pl.List(pl.String):
        return ["CPU_OVER", 'a "quoted" one']
    if dtype == pl.String:
        return "text"
    return {pl.Boolean: True, pl.UInt32: 3, pl.Date: day}.get(type(dtype), value)
