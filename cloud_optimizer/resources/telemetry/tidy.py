"""A tidy telemetry file: one row a workload and time, one column a quantity, mapped by core.telemetry.columns."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from cloud_optimizer.core.contracts import MEASURES, SAMPLE_SCHEMA, UTC_TIMESTAMP
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.telemetry.column_table import KEY_NAMES, USAGE_QUANTITIES
from cloud_optimizer.core.telemetry.columns import ColumnPlan, plan_columns
from cloud_optimizer.core.telemetry.conversion import Conversion, convert
from cloud_optimizer.core.telemetry.timestamps import Fault, TimestampPlan, plan_timestamps, rough_range
from cloud_optimizer.resources.telemetry.files import TraceFile, reading, scan_file
from cloud_optimizer.resources.telemetry.inspection import Extent, inspect

UNKNOWN_WORDS = ("", "null", "none", "na", "n/a", "-")
"""Texts of a CSV field that mean unknown."""
REPEATS_OF_ONE_SERIES = 1.3
"""Rows a distinct timestamp up to which a file without a workload column may be one workload with duplicates."""


class TidyFile:
    """One checked file.

    Args:
        file: The file.
        cluster: Cluster of its rows, where it has no column for it.

    Raises:
        InputError: The file cannot be used; the message names the column and the row.
    """

    def __init__(self, file: TraceFile, cluster: str) -> None:
        self._file = file
        self._frame = scan_file(file)
        schema = self._frame.collect_schema()
        self._plan = plan_columns(schema.names())
        self._time = plan_time(file, self._frame, schema, self._plan.timestamp)
        self._time_type = schema[self._time.column]
        self._workload = self._workload_expression()
        self._cluster = pl.lit(cluster) if self._plan.cluster is None else pl.col(self._plan.cluster).cast(pl.String)
        faults = [*self._key_faults()]
        self._conversion = self._convert(schema, faults)
        self.extents: Mapping[str, Extent] = inspect(file, self._frame, self._cluster, self._time, faults)
        if self._plan.workload_id is None and file.workload is None:
            self._require_one_series()

    def rows(self, cluster: str, start: datetime, end: datetime) -> pl.LazyFrame:
        """Return the samples of a cluster in [start, end) in SAMPLE_SCHEMA, in the order of the file."""
        near = rough_range(self._time, self._time_type, start, end)
        given = self._conversion.expressions
        measures = [given.get(name, pl.lit(None)).cast(pl.Float64).alias(name) for name in MEASURES]
        keys = (
            self._cluster.alias("cluster"),
            self._workload.alias("workload_id"),
            self._time.value.alias("timestamp"),
        )
        return (
            (self._frame if near is None else self._frame.filter(near))
            .select(*keys, *measures)
            .filter(
                pl.col("timestamp").is_between(pl.lit(start, UTC_TIMESTAMP), pl.lit(end, UTC_TIMESTAMP), closed="left"),
                pl.col("cluster") == cluster,
            )
            .cast(SAMPLE_SCHEMA)
        )

    def notes(self) -> tuple[str, ...]:
        """Return what the mapping did."""
        unused = (*self._plan.second, *self._conversion.unused)
        notes = [*self._time.notes, *self._conversion.notes]
        if self._plan.unknown:
            notes.append(f"unknown columns, not used: {', '.join(name.strip() for name in self._plan.unknown)}")
        if unused:
            notes.append(f"not needed, another column gives the same: {', '.join(name.strip() for name in unused)}")
        return tuple(notes)

    def _workload_expression(self) -> pl.Expr:
        if self._file.workload is not None:
            return pl.lit(self._file.workload)
        if self._plan.workload_id is not None:
            return pl.col(self._plan.workload_id).cast(pl.String)
        return pl.lit(self._file.stem)

    def _key_faults(self) -> tuple[Fault, ...]:
        keys = {self._plan.workload_id, self._plan.cluster} - {None}
        return tuple(
            Fault(str(key), pl.col(str(key)).is_null() | (pl.col(str(key)).cast(pl.String) == ""), "is missing")
            for key in keys
        )

    def _convert(self, schema: pl.Schema, faults: list[Fault]) -> Conversion:
        _require_usage(self._file, self._plan, schema)

        def number(column: str) -> pl.Expr:
            if schema[column] == pl.String:
                faults.append(_text_fault(column))
                return _text_number(column)
            return pl.col(column).cast(pl.Float64)

        return convert(self._plan, number)

    def _require_one_series(self) -> None:
        with reading(self._file):
            rows, times = self._frame.select(pl.len(), self._time.value.n_unique().alias("times")).collect().row(0)
        if rows > REPEATS_OF_ONE_SERIES * times:
            raise InputError(
                f"{self._file.label} has no workload column although its timestamps repeat: name one of "
                f"{_some(KEY_NAMES['workload_id'])}."
            )


def plan_time(file: TraceFile, frame: pl.LazyFrame, schema: pl.Schema, column: str | None) -> TimestampPlan:
    """Return how a file's timestamps are read.

    Raises:
        InputError: It has no timestamp column, or one of a type that holds no timestamps.
    """
    if column is None:
        raise InputError(
            f"{file.label} has no time column: name one of {_some(KEY_NAMES['timestamp'])}; it has "
            f"{_some(tuple(schema.names()))}."
        )
    first = None
    if schema[column].is_numeric() or schema[column] == pl.String:
        with reading(file):
            first = frame.select(pl.col(column).drop_nulls().first()).collect().item()
    plan = plan_timestamps(column, schema[column], first)
    if plan is None:
        raise InputError(f"{file.label}, column {column}, row 1: {schema[column]} is no type for timestamps.")
    return plan


def _require_usage(file: TraceFile, plan: ColumnPlan, schema: pl.Schema) -> None:
    if not USAGE_QUANTITIES & plan.quantities.keys():
        raise InputError(
            f"{file.label} has no usage column that is known (such as cpu_usage_cores, cpu_utilization, "
            f"memory_usage_bytes, requests_per_second); it has {_some(tuple(schema.names()))}."
        )
    for found in plan.quantities.values():
        dtype = schema[found.column]
        if not (dtype.is_numeric() or dtype in {pl.String, pl.Null}):
            raise InputError(f"{file.label}, column {found.column}, row 1: {dtype} where numbers are expected.")


def _text_number(column: str) -> pl.Expr:
    text = pl.col(column).str.strip_chars()
    return pl.when(~text.str.to_lowercase().is_in(UNKNOWN_WORDS)).then(text).cast(pl.Float64, strict=False)


def _text_fault(column: str) -> Fault:
    text = pl.col(column).str.strip_chars()
    known = text.is_not_null() & ~text.str.to_lowercase().is_in(UNKNOWN_WORDS)
    return Fault(column, known & text.cast(pl.Float64, strict=False).is_null(), "is not a number")


def _some(names: tuple[str, ...], most: int = 8) -> str:
    shown = ", ".join(name.strip() for name in names[:most])
    return f"{shown}, ..." if len(names) > most else shown
