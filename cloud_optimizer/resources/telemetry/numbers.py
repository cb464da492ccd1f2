"""Numbers of a telemetry file: typed, or text that must be one."""

from collections.abc import Iterable

import polars as pl

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.telemetry.timestamps import Fault
from cloud_optimizer.resources.telemetry.files import TraceFile

UNKNOWN_WORDS = ("", "null", "none", "na", "n/a", "-")
"""Texts of a field that mean unknown."""


def number(column: str, dtype: pl.DataType) -> pl.Expr:
    """Return the expression of a column as Float64; what text_fault refuses comes out as null."""
    if dtype == pl.String:
        text = _text(column)
        return pl.when(_known(text)).then(text).cast(pl.Float64, strict=False)
    return pl.col(column).cast(pl.Float64)


def text_faults(columns: Iterable[str], schema: pl.Schema) -> tuple[Fault, ...]:
    """Return what a row is refused for where columns hold text: a text that is no number."""
    return tuple(
        Fault(column, _known(_text(column)) & number(column, schema[column]).is_null(), "is not a number")
        for column in columns
        if schema[column] == pl.String
    )


def require_numbers(file: TraceFile, columns: Iterable[str], schema: pl.Schema) -> None:
    """Refuse columns whose type holds no numbers.

    Raises:
        InputError: One of the columns is neither numeric nor text.
    """
    for column in columns:
        dtype = schema[column]
        if not (dtype.is_numeric() or dtype in {pl.String, pl.Null}):
            raise InputError(f"{file.label}, column {column}, row 1: {dtype} where numbers are expected.")


def _text(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars()


def _known(text: pl.Expr) -> pl.Expr:
    return text.is_not_null() & ~text.str.to_lowercase().is_in(UNKNOWN_WORDS)
