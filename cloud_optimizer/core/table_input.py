"""A table that a person wrote, brought into a schema; what does not fit is named by column and row."""

from collections.abc import Collection
from typing import Final

import polars as pl

from cloud_optimizer.core.errors import InputError

YES: Final = ("true", "yes", "1")
NO: Final = ("false", "no", "0")
KINDS: Final = {pl.Float64: "a number", pl.Int8: "a whole number", pl.Boolean: "true or false", pl.Datetime: "a time"}
TIMES: Final = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")
FIRST_ROW: Final = 2  # the first line of a CSV file is its header


def conform(frame: pl.DataFrame, schema: pl.Schema, required: Collection[str], label: str) -> pl.DataFrame:
    """Return the columns of a table that a schema has, in its types; columns that the table lacks stay out.

    Text becomes what the schema says, an empty cell is unknown, a time without an offset is UTC.

    Args:
        frame: As read: typed, or all text.
        schema: Columns that are understood.
        required: Columns that must be there, every cell of them filled.
        label: How messages name the table.

    Raises:
        InputError: A column is missing or not understood, or a cell does not fit.
    """
    missing = [name for name in required if name not in frame.columns]
    if missing:
        raise InputError(f"{label} lacks the column {missing[0]}: it needs {', '.join(required)}.")
    unknown = [name for name in frame.columns if name not in schema]
    if unknown:
        raise InputError(f"{label} has the column {unknown[0]}, which means nothing here: use {', '.join(schema)}.")
    given = frame.with_columns(pl.col(pl.String).str.strip_chars().replace("", None))
    typed = given.select(_typed(pl.col(name), given.schema[name], schema[name]).alias(name) for name in given.columns)
    for name in given.columns:
        lost = given[name].is_not_null() & typed[name].is_null()
        if schema[name] == pl.Float64:
            lost |= typed[name].is_finite().not_().fill_null(False)
        if schema[name] == pl.String:
            lost |= typed[name].str.contains("\0", literal=True).fill_null(False)  # no database stores it
        _refuse_first(lost, label, name, f"is not {KINDS.get(schema[name].base_type(), 'text')}", given[name])
    for name in required:
        _refuse_first(typed[name].is_null(), label, name, "is needed in every row", None)
    return typed


def _typed(column: pl.Expr, given: pl.DataType, wanted: pl.DataType) -> pl.Expr:
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


def _refuse_first(wrong: pl.Series, label: str, column: str, words: str, cells: pl.Series | None) -> None:
    rows = wrong.arg_true().to_list()
    if rows:
        shown = "" if cells is None else f" {str(cells[rows[0]])[:60]!r}"
        raise InputError(f"{label}, column {column}, row {rows[0] + FIRST_ROW}:{shown} {words}.")
