"""A tidy telemetry file: one row a workload and time, one column a quantity, mapped by core.telemetry.columns."""

from datetime import datetime

import polars as pl

from cloud_optimizer.core.contracts import MEASURES, SAMPLE_SCHEMA
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.telemetry.column_table import COLUMN_TABLE, KEY_NAMES, USAGE_QUANTITIES
from cloud_optimizer.core.telemetry.columns import plan_columns
from cloud_optimizer.core.telemetry.conversion import convert
from cloud_optimizer.resources.telemetry.files import TraceFile, reading
from cloud_optimizer.resources.telemetry.inspection import inspect
from cloud_optimizer.resources.telemetry.keys import FileKeys, of_cluster, some
from cloud_optimizer.resources.telemetry.numbers import number, require_numbers, text_faults

REPEATS_OF_ONE_SERIES = 1.3
"""Rows a distinct timestamp up to which a file without a workload column may be one workload with duplicates."""

HIGHEST_USUAL_FRACTION = 1.5
"""A utilization may exceed 1 by bursts and by the inaccuracy of meters, not by more than this most of the time."""


class TidyFile:
    """One checked file.

    Args:
        file: The file, for messages and names.
        frame: Its rows as stored.
        cluster: Cluster of its rows, where it has no column for it.

    Raises:
        InputError: The file cannot be used; the message names the column and the row.
    """

    def __init__(self, file: TraceFile, frame: pl.LazyFrame, cluster: str) -> None:
        self._file = file
        self._frame = frame
        schema = self._frame.collect_schema()
        self._plan = plan_columns(schema.names())
        self._keys = FileKeys(file, self._frame, self._plan, cluster)
        if not USAGE_QUANTITIES & self._plan.quantities.keys():
            raise InputError(
                f"{file.label} has no usage column that is known (such as cpu_usage_cores, cpu_utilization, "
                f"memory_usage_bytes, requests_per_second); it has {some(tuple(schema.names()))}."
            )
        columns = [found.column for found in self._plan.quantities.values()]
        require_numbers(file, columns, schema)
        self._conversion = convert(self._plan, lambda column: number(column, schema[column]))
        faults = (*self._keys.faults, *text_faults(columns, schema))
        self.extents = inspect(file, self._frame, self._keys.cluster, self._keys.time, faults)
        self._refuse_percent(schema)
        if self._keys.one_workload:
            self._require_one_series()

    def rows(self, cluster: str, start: datetime, end: datetime) -> pl.LazyFrame:
        """Return the samples of a cluster in [start, end) in SAMPLE_SCHEMA, in the order of the file."""
        given = self._conversion.expressions
        measures = [given.get(name, pl.lit(None)).cast(pl.Float64).alias(name) for name in MEASURES]
        rows = self._keys.near(self._frame, start, end).select(*self._keys.columns, *measures)
        return of_cluster(rows, cluster, start, end).cast(SAMPLE_SCHEMA)

    def notes(self) -> tuple[str, ...]:
        """Return what the mapping did."""
        notes = [*self._keys.time.notes, *self._conversion.notes]
        if self._plan.unknown:
            notes.append(f"unknown columns, not used: {_list(self._plan.unknown)}")
        second = (*self._plan.second, *self._conversion.unused)
        if second:
            notes.append(f"not needed, another column gives the same: {_list(second)}")
        return tuple(notes)

    def _refuse_percent(self, schema: pl.Schema) -> None:
        """Refuse a column of fractions most of whose values are far above 1: it is in percent."""
        fractions = [
            found
            for found in self._plan.quantities.values()
            if found.accepted.unit == "fraction" and found.column not in self._conversion.unused
        ]
        high = [number(found.column, schema[found.column]) > HIGHEST_USUAL_FRACTION for found in fractions]
        shares = [over.mean().alias(str(index)) for index, over in enumerate(high)]
        with reading(self._file):
            measured = self._frame.select(*shares).collect(engine="streaming").row(0) if shares else ()
        for found, share in zip(fractions, measured, strict=True):
            if share is not None and share > 0.5:
                quantity = found.accepted.quantity
                names = (e.names[0] for e in COLUMN_TABLE if e.quantity == quantity and e.unit == "percent")
                raise InputError(
                    f"{self._file.label}, column {found.column}: {share:.0%} of its values are above "
                    f"{HIGHEST_USUAL_FRACTION:g}, so they are no fractions: name it {next(names)} if it is in percent."
                )

    def _require_one_series(self) -> None:
        times = self._keys.time.value.n_unique().alias("times")
        with reading(self._file):
            rows, distinct = self._frame.select(pl.len(), times).collect().row(0)
        if rows > REPEATS_OF_ONE_SERIES * distinct:
            raise InputError(
                f"{self._file.label} has no workload column although its timestamps repeat: name one of "
                f"{some(KEY_NAMES['workload_id'])}."
            )


def _list(columns: tuple[str, ...]) -> str:
    return ", ".join(column.strip() for column in columns)
