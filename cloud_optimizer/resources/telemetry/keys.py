"""The three keys of a telemetry file's rows: which cluster, which workload, what time."""

from datetime import datetime

import polars as pl

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.names import LONGEST_NAME
from cloud_optimizer.core.telemetry.column_table import KEY_NAMES
from cloud_optimizer.core.telemetry.columns import ColumnPlan
from cloud_optimizer.core.telemetry.timestamps import Fault, TimestampPlan, plan_timestamps, rough_range
from cloud_optimizer.resources.telemetry.files import TraceFile, reading


class FileKeys:
    """How the keys of one file are read.

    Args:
        file: The file.
        frame: Its rows as stored.
        plan: Which column is what.
        cluster: Cluster of its rows, where it has no column for it.

    Raises:
        InputError: It has no timestamp column, or one of a type that holds no timestamps.
    """

    def __init__(self, file: TraceFile, frame: pl.LazyFrame, plan: ColumnPlan, cluster: str) -> None:
        schema = frame.collect_schema()
        self.time: TimestampPlan = _plan_time(file, frame, schema, plan.timestamp)
        self.cluster = pl.lit(cluster) if plan.cluster is None else pl.col(plan.cluster).cast(pl.String)
        names = [key for key in (plan.workload_id, plan.cluster) if key is not None]
        self.faults = tuple(fault for key in names for fault in _name_faults(key))
        self.one_workload = plan.workload_id is None and file.workload is None
        self._time_type = schema[self.time.column]
        self._workload = pl.lit(file.workload or file.stem)
        if plan.workload_id is not None and file.workload is None:
            self._workload = pl.col(plan.workload_id).cast(pl.String)

    @property
    def columns(self) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
        """Expressions of cluster, workload_id and timestamp over the stored rows."""
        return (
            self.cluster.alias("cluster"),
            self._workload.alias("workload_id"),
            self.time.value.alias("timestamp"),
        )

    def near(self, frame: pl.LazyFrame, start: datetime, end: datetime) -> pl.LazyFrame:
        """Return the stored rows without most of those outside [start, end), which a reader need not even load."""
        rough = rough_range(self.time, self._time_type, start, end)
        return frame if rough is None else frame.filter(rough)


def of_cluster(rows: pl.LazyFrame, cluster: str, start: datetime, end: datetime) -> pl.LazyFrame:
    """Return the rows (cluster, timestamp, ...) of one cluster in [start, end)."""
    inside = pl.col("timestamp").is_between(pl.lit(start, UTC_TIMESTAMP), pl.lit(end, UTC_TIMESTAMP), closed="left")
    return rows.filter(inside, pl.col("cluster") == cluster)


def some(names: tuple[str, ...], most: int = 8) -> str:
    """Return the first of many names for a message."""
    shown = ", ".join(name.strip() for name in names[:most])
    return f"{shown}, and others" if len(names) > most else shown


def _plan_time(file: TraceFile, frame: pl.LazyFrame, schema: pl.Schema, column: str | None) -> TimestampPlan:
    if column is None:
        raise InputError(
            f"{file.label} has no time column: name one of {some(KEY_NAMES['timestamp'])}; it has "
            f"{some(tuple(schema.names()))}."
        )
    first = None
    if schema[column].is_numeric() or schema[column] == pl.String:
        with reading(file):
            first = frame.select(pl.col(column).drop_nulls().first()).collect().item()
    plan = plan_timestamps(column, schema[column], first)
    if plan is None:
        raise InputError(f"{file.label}, column {column}, row 1: {schema[column]} is no type for timestamps.")
    return plan


def _name_faults(column: str) -> tuple[Fault, Fault]:
    """Return what core.names would refuse later, so that it is refused with its row and before anything is stored."""
    name = pl.col(column).cast(pl.String)
    unusable = (name.str.len_chars() > LONGEST_NAME) | name.str.contains(r"\p{Cc}")
    return (
        Fault(column, name.str.strip_chars().fill_null("") == "", "is missing"),
        Fault(column, unusable, f"is no usable name: at most {LONGEST_NAME} characters, no control characters"),
    )
