"""Numbers of a telemetry file: typed, or text that must be one."""

from collections.abc import Iterable

import polars as pl

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.telemetry.timestamps import Fault
from cloud_optimizer.resources.telemetry.files import TraceFile

UNKNOWN_WORDS = (
    "",
    "-",
    *(form(word) for word in ("null", "none", "na", "n/a") for form in (str, str.upper, str.title)),
)
"""Texts of a field that mean unknown."""


def number(column: str, dtype: pl.DataType) -> pl.Expr:
    """Return the expression of a column as Float64; text that is no number comes out as null."""
    values = _text(column) if dtype == pl.String else pl.col(column)
    return values.cast(pl.Float64, strict=False)


def text_faults(columns: Iterable[str], schema: pl.Schema) -> tuple[Fault, ...]:
    """Return what a row is refused for where columns hold text: one that is neither a number nor means unknown."""
    return tuple(
        Fault(
            column,
            number(column, schema[column]).is_null() & ~_text(column).is_in(UNKNOWN_WORDS).fill_null(value=True),
            "is not a number",
        )
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
