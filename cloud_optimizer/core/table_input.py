"""A table that a person wrote, brought into a schema; what does not fit is named by column and row."""

from collections.abc import Collection
from typing import Final

import polars as pl
from polars import selectors

from cloud_optimizer.core.errors import InputError

YES: Final = ("true", "yes", "1")
NO: Final = ("false", "no", "0")
KINDS: Final = {pl.Float64: "a number", pl.Int8: "a whole number", pl.Boolean: "true or false", pl.Datetime: "a time"}
INEXACT: Final = {pl.Float64: "has more digits than are kept", pl.Datetime: "is finer than a microsecond"}
TIMES: Final = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")
FIRST_ROW: Final = 2  # the first line of a CSV file is its header


def conform(
    frame: pl.DataFrame, schema: pl.Schema, required: Collection[str], label: str, first_row: int = FIRST_ROW
) -> pl.DataFrame:
    """Return the columns of a table that a schema has, in its types; columns that the table lacks stay out.

    Text becomes what the schema says, an empty cell is unknown, a time without an offset is UTC. What has a type keeps
    its value exactly: 1.5 is no whole number, a truth value no text. Decimals alone are taken as their digits would be:
    as the nearest double.

    Args:
        frame: As read: typed, or all text.
        schema: Columns that are understood.
        required: Columns that must be there, every cell of them filled.
        label: How messages name the table.
        first_row: How messages number the first row.

    Raises:
        InputError: A column is missing or not understood, or a cell does not fit.
    """
    missing = [name for name in required if name not in frame.columns]
    if missing:
        raise InputError(f"{label} lacks the column {missing[0]}: it needs {', '.join(required)}.")
    unknown = [name for name in frame.columns if name not in schema]
    if unknown:
        raise InputError(f"{label} has the column {unknown[0]}, which means nothing here: use {', '.join(schema)}.")
    given = frame.with_columns((selectors.categorical() | selectors.enum()).cast(pl.String)).with_columns(
        pl.col(pl.String).str.strip_chars().replace("", None)
    )
    typed = {
        name: _conformed(given[name], schema[name], f"{label}, column {name}", first_row) for name in given.columns
    }
    for name in required:
        _refuse_first(typed[name].is_null(), f"{label}, column {name}", first_row, "is needed in every row")
    return pl.DataFrame(typed)


def _conformed(cells: pl.Series, wanted: pl.DataType, place: str, first_row: int) -> pl.Series:
    not_so = f"is not {KINDS.get(wanted.base_type(), 'text')}"
    if not _is_understood(cells.dtype, wanted):
        _refuse_first(cells.is_not_null(), place, first_row, not_so, cells)
        return pl.Series(cells.name, [None] * len(cells), wanted)
    typed = cells.to_frame().select(_typed(pl.col(cells.name), cells.dtype, wanted)).to_series()
    lost = cells.is_not_null() & typed.is_null()
    if wanted == pl.Float64:
        lost |= typed.is_finite().not_().fill_null(False)
    if wanted == pl.String:
        lost |= typed.str.contains("\0", literal=True).fill_null(False)  # no database stores it
    _refuse_first(lost, place, first_row, not_so, cells)
    _refuse_first(_is_bent(cells, typed), place, first_row, INEXACT.get(wanted.base_type(), not_so), cells)
    return typed


def _is_understood(given: pl.DataType, wanted: pl.DataType) -> bool:
    """Tell whether values of a type can mean what is wanted at all."""
    if given in (pl.String, pl.Null, wanted):
        return True
    if isinstance(wanted, pl.Datetime):
        return given in (pl.Date, pl.Datetime)
    return given.is_numeric() if wanted.is_numeric() else given.is_integer()


def _is_bent(cells: pl.Series, typed: pl.Series) -> pl.Series:
    """Tell which typed cells would not read back as they were given."""
    if cells.dtype == pl.String or (cells.dtype.is_decimal() and typed.dtype == pl.Float64):
        return pl.repeat(False, len(cells), eager=True)
    return typed.cast(cells.dtype, strict=False).ne_missing(cells)


def _typed(column: pl.Expr, given: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    if given.is_decimal() and wanted == pl.Float64:
        return column.cast(pl.String).cast(wanted)
    if given != pl.String:
        return column.cast(wanted, strict=False)
    if wanted == pl.Boolean:
        word = column.str.to_lowercase()
        return pl.when(word.is_in(YES)).then(True).when(word.is_in(NO)).then(False)
    if isinstance(wanted, pl.Datetime):
        plain = column.str.replace("T", " ", literal=True).str.strip_suffix("Z")
        return pl.coalesce(
            column.str.to_datetime("%+", time_zone="UTC", strict=False),
            *(plain.str.to_datetime(form, time_zone="UTC", strict=False) for form in TIMES),
            column.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        ).cast(wanted)
    return column.cast(wanted, strict=False)


def _refuse_first(wrong: pl.Series, place: str, first_row: int, words: str, cells: pl.Series | None = None) -> None:
    rows = wrong.arg_true().to_list()
    if rows:
        shown = "" if cells is None else f" {str(cells[rows[0]])[:60]!r}"
        raise InputError(f"{place}, row {rows[0] + first_row}:{shown} {words}.")
