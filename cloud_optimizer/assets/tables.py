"""Data frames as the Dagster UI shows them: column schemas with units, heads of tables, row counts per day."""

from collections.abc import Mapping
from datetime import date, datetime

import polars as pl
from dagster import (
    AssetExecutionContext,
    MetadataValue,
    TableColumn,
    TableMetadataValue,
    TableRecord,
    TableSchema,
)

from cloud_optimizer.partitions import Slice

HEAD_ROWS = 5

UNITS = {
    "_bytes_per_second": "bytes per second",
    "_requests_per_second": "requests per second",
    "_cores": "cores",
    "_bytes": "bytes",
    "_seconds": "seconds",
    "_ratio": "fraction, 0 to 1",
    "_utilization": "fraction of capacity",
    "_fraction": "fraction, 0 to 1",
    "monthly_": "currency a month",
}


def unit_of(column: str) -> str | None:
    """Return the unit that a column name carries, if any."""
    return next((unit for marker, unit in UNITS.items() if marker in column), None)


def table_schema(schema: pl.Schema, descriptions: Mapping[str, str] | None = None) -> TableSchema:
    """Return the Dagster form of a polars schema, each column with its description or else its unit."""
    words = descriptions or {}
    return TableSchema(
        columns=[TableColumn(name, str(dtype), words.get(name) or unit_of(name)) for name, dtype in schema.items()]
    )


def table_head(frame: pl.DataFrame, rows: int = HEAD_ROWS) -> TableMetadataValue:
    """Return the first rows as a table; what the UI cannot show as it is becomes text."""
    schema = TableSchema(columns=[TableColumn(name, str(dtype)) for name, dtype in frame.schema.items()])
    records = [TableRecord({name: _cell(value) for name, value in row.items()}) for row in frame.head(rows).to_dicts()]
    return MetadataValue.table(records, schema)


def rows_by_day(context: AssetExecutionContext, part: Slice, days: pl.Series, asset: str | None = None) -> None:
    """Attach to every partition of the slice how many of the rows are its own.

    Args:
        context: Of the running asset.
        part: The partitions.
        days: One date a row.
        asset: Which asset, where the step makes several.
    """
    counts: dict[date, int] = dict(days.value_counts().iter_rows())
    for day in part.days:
        rows = {"dagster/partition_row_count": counts.get(day, 0)}
        context.add_asset_metadata(rows, asset_key=asset, partition_key=part.key(day))


def _cell(value: object) -> str | int | float | bool:
    if isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    return "" if value is None else str(value)
