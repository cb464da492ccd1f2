"""A long-form telemetry file: rows of (workload, time, metric, value), mapped by core.telemetry.long_form."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from cloud_optimizer.core.contracts import MEASURES, SAMPLE_SCHEMA
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.telemetry.columns import normalise, plan_columns
from cloud_optimizer.core.telemetry.long_form import (
    LABEL_COLUMNS,
    METRIC_COLUMNS,
    UNIT_COLUMNS,
    VALUE_COLUMNS,
    MetricRule,
    describe,
    rule_of,
    widen,
)
from cloud_optimizer.core.telemetry.timestamps import Fault
from cloud_optimizer.core.validation.cadence import detect_cadence
from cloud_optimizer.resources.telemetry.files import TraceFile, find_files, reading, scan_file
from cloud_optimizer.resources.telemetry.inspection import inspect
from cloud_optimizer.resources.telemetry.keys import FileKeys, of_cluster, some
from cloud_optimizer.resources.telemetry.numbers import number, require_numbers, text_faults

UNIT_SEPARATOR = "\x1f"
"""Between metric and unit in the name of a series: a control character that no name holds."""


def is_long_form(columns: Sequence[str]) -> bool:
    """Whether the columns are those of a long-form file."""
    return _named(columns, METRIC_COLUMNS) is not None and _named(columns, VALUE_COLUMNS) is not None


class LongFile:
    """One checked long-form file.

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
        self._schema = self._frame.collect_schema()
        names = self._schema.names()
        self._keys = FileKeys(file, self._frame, plan_columns(names), cluster)
        self._metric, self._value = str(_named(names, METRIC_COLUMNS)), str(_named(names, VALUE_COLUMNS))
        self._unit = _named(names, UNIT_COLUMNS)
        require_numbers(file, (self._value,), self._schema)
        unnamed = Fault(self._metric, pl.col(self._metric).cast(pl.String).fill_null("") == "", "is missing")
        faults = (*self._keys.faults, unnamed, *text_faults((self._value,), self._schema))
        self.extents = inspect(file, self._frame, self._keys.cluster, self._keys.time, faults)
        self._rules, self._unknown = self._find_rules()
        self._interval = self._interval_seconds()

    def rows(self, cluster: str, start: datetime, end: datetime) -> pl.LazyFrame:
        """Return the samples of a cluster in [start, end) in SAMPLE_SCHEMA, in the order of the file."""
        rows = of_cluster(self._long(self._keys.near(self._frame, start, end)), cluster, start, end)
        wide = widen(rows, self._rules, self._interval)
        given = wide.collect_schema().names()
        missing = [pl.lit(None, pl.Float64).alias(name) for name in MEASURES if name not in given]
        return wide.with_columns(*missing).select(SAMPLE_SCHEMA.names())

    def notes(self) -> tuple[str, ...]:
        """Return what becomes of each metric."""
        plan = plan_columns(self._schema.names())
        used = {self._metric, self._value, self._unit, plan.cluster, plan.workload_id, plan.timestamp}
        rest = [name for name in self._schema.names() if name not in used]
        labels = [name for name in rest if normalise(name) in LABEL_COLUMNS]
        others = [name for name in rest if name not in labels]
        return (
            *self._keys.time.notes,
            *(describe(_words(series), rule) for series, rule in self._rules),
            *(f"{_words(series)} is not known: its {count} rows are not used" for series, count in self._unknown),
            *([f"labels, kept apart: {', '.join(labels)}"] if labels else []),
            *([f"unknown columns, not used: {', '.join(others)}"] if others else []),
        )

    def _long(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        value = number(self._value, self._schema[self._value]).alias("value")
        return frame.select(*self._keys.columns, self._series.alias("series"), value)

    @property
    def _series(self) -> pl.Expr:
        metric = pl.col(self._metric).cast(pl.String)
        if self._unit is None:
            return metric
        return pl.concat_str(metric, pl.col(self._unit).cast(pl.String).fill_null(""), separator=UNIT_SEPARATOR)

    def _find_rules(self) -> tuple[list[tuple[str, MetricRule]], list[tuple[str, int]]]:
        with reading(self._file):
            counted = self._frame.group_by(self._series.alias("series")).len().sort("series").collect()
        found = [(series, rule_of(*_metric_and_unit(series)), count) for series, count in counted.iter_rows()]
        rules = [(series, rule) for series, rule, _ in found if rule is not None]
        if not rules:
            names = some(tuple(_words(series) for series, _, _ in found))
            raise InputError(f"{self._file.label}, column {self._metric}: no metric of it is known ({names}).")
        return rules, [(series, count) for series, rule, count in found if rule is None]

    def _interval_seconds(self) -> float:
        totals = [series for series, rule in self._rules if rule.per_interval]
        if not totals:
            return 1.0
        keys = self._long(self._frame).filter(pl.col("series").is_in(totals)).select("workload_id", "timestamp")
        with reading(self._file):
            return detect_cadence(keys.collect()).step.total_seconds()


def read_labels(path: Path) -> pl.DataFrame:
    """Return the labels of a long-form file: workload_id, timestamp and the label columns as booleans, row by row.

    Raises:
        InputError: The file cannot be used, or has no labels.
    """
    (file,) = find_files(path)
    frame = scan_file(file)
    names = frame.collect_schema().names()
    labels = [name for name in names if normalise(name) in LABEL_COLUMNS]
    if not labels:
        raise InputError(f"{file.label} has no label column: name one of {some(LABEL_COLUMNS)}.")
    keys = FileKeys(file, frame, plan_columns(names), file.stem)
    flags = [pl.col(name).cast(pl.Boolean, strict=False).alias(normalise(name)) for name in labels]
    with reading(file):
        return frame.select(*keys.columns[1:], *flags).collect()


def _named(columns: Sequence[str], accepted: Sequence[str]) -> str | None:
    return next((column for name in accepted for column in columns if normalise(column) == name), None)


def _metric_and_unit(series: str) -> tuple[str, str]:
    metric, _, unit = series.partition(UNIT_SEPARATOR)
    return metric, unit


def _words(series: str) -> str:
    metric, unit = _metric_and_unit(series)
    return f"{metric} in {unit}" if unit else metric
