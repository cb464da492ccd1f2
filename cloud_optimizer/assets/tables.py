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

from cloud_optimizer.assets.lineage import LINEAGE
from cloud_optimizer.core.contracts import QUANTILE_LEVELS
from cloud_optimizer.partitions import Slice

HEAD_ROWS = 5

UNITS = {
    "bytes_per_second": "bytes per second",
    "requests_per_second": "requests per second",
    "_cores": "cores",
    "_bytes": "bytes",
    "_seconds": "seconds",
    "_ratio": "fraction, 0 to 1",
    "_utilization": "fraction of capacity",
    "_fraction": "fraction, 0 to 1",
    "monthly_": "currency a month",
    "replicas": "instances",
    "risk_": "expected share of samples above the capacity",
    "coverage_": "share of observations inside the interval",
    "inside_": "intervals inside, counted",
    "provision_at_": "share of what was provisioned",
}
"""Part of a column name to the unit it carries; the first that fits counts."""

MEASURES = {
    **{f"q{level:g}": "unit of the target" for level in QUANTILE_LEVELS},
    **dict.fromkeys(("demand", "absolute_error", "quantile_score", "over_forecast", "shortage"), "unit of the target"),
    **dict.fromkeys(("wape", "expected_wape", "wql", "score", "incumbent_score"), "share of demand"),
    **dict.fromkeys(("search_loss", "confirmation_loss"), "share of the defaults' loss"),
    **dict.fromkeys(("observations", "count"), "intervals, counted"),
    **dict.fromkeys(("violating_observations", "violating_workload_days", "completeness"), "fraction, 0 to 1"),
    "mase": "multiple of the seasonal naive's error",
    "provision": "capacity held: share of what was provisioned, or a sum in the unit of the target",
    "slack": "share of the capacity held",
    "unmet_volume": "share of demand",
    "changes_per_workload_day": "changes a workload and day",
    "regret": "0 costs what the oracle costs, 1 what static does",
    "value": "scale of the statistic",
    "threshold": "scale of the statistic",
    "change_cost": "currency, once",
    **dict.fromkeys(("predicted_saving", "realised_saving"), "currency, of that day"),
    "roi": "multiple of the cost of the changes",
    "payback_days": "days",
    "lookback_days": "days",
    **{name: f"{name.replace('_', ' ')}, counted" for name in ("series", "workloads", "changes", "samples", "trials")},
    "sample_count": "samples, counted",
}
"""Numbers whose unit their name does not carry."""


def unit_of(column: str) -> str | None:
    """Return the unit of a numeric column of the platform's schemas; None where nobody stated one.

    The bounds of a measure's interval, `provision_lower` and `provision_upper`, have its unit.
    """
    carried = (unit for marker, unit in UNITS.items() if marker in column)
    measure = column.removesuffix("_lower").removesuffix("_upper")
    return MEASURES.get(measure) or next(carried, None)


def table_schema(schema: pl.Schema, descriptions: Mapping[str, str] | None = None) -> TableSchema:
    """Return the Dagster form of a polars schema, each column with its description or else its unit."""
    words = descriptions or {}
    return TableSchema(
        columns=[
            TableColumn(name, str(dtype), words.get(name) or (unit_of(name) if dtype.is_numeric() else None))
            for name, dtype in schema.items()
        ]
    )


def table_head(frame: pl.DataFrame, rows: int = HEAD_ROWS) -> TableMetadataValue:
    """Return the first rows as a table; what the UI cannot show as it is becomes text."""
    schema = TableSchema(columns=[TableColumn(name, str(dtype)) for name, dtype in frame.schema.items()])
    records = [TableRecord({name: _cell(value) for name, value in row.items()}) for row in frame.head(rows).to_dicts()]
    return MetadataValue.table(records, schema)


def sums_of_money(frame: pl.DataFrame, *columns: str) -> dict[str, float]:
    """Return the sum of each column for each currency, under names such as `monthly_saving_eur`."""
    sums = frame.group_by("currency").agg(pl.col(columns).sum()).sort("currency")
    return {f"{name}_{row['currency']}".lower(): row[name] for row in sums.to_dicts() for name in columns}


def tell_of_slice(
    context: AssetExecutionContext, part: Slice, facts: Mapping[str, object], asset: str | None = None
) -> None:
    """Attach what is to be told of a slice to its last partition, with the days it is about where they are several.

    Metadata of an asset's result would stand on every partition of the run, those of other days and clusters included.

    Args:
        context: Of the running asset.
        part: The partitions that the facts are about.
        facts: Metadata.
        asset: Which asset, where the step makes several.
    """
    days = {} if part.first == part.last else {"days": f"{part.first} to {part.last}"}
    context.add_asset_metadata({**days, **facts}, asset_key=asset, partition_key=part.key(part.last))


def rows_by_day(context: AssetExecutionContext, part: Slice, days: pl.Series, asset: str | None = None) -> None:
    """Attach to every partition of the slice how many of the rows are its own, and to the last the column lineage.

    Args:
        context: Of the running asset.
        part: The partitions.
        days: One date a row.
        asset: Which asset, where the step makes several.
    """
    counts: dict[date, int] = dict(days.value_counts().iter_rows())
    lineage = LINEAGE.get(asset or context.asset_key.to_user_string())
    for day in part.days:
        facts: dict[str, object] = {"dagster/partition_row_count": counts.get(day, 0)}
        if lineage is not None and day == part.last:  # the UI looks at the newest partition
            facts["dagster/column_lineage"] = MetadataValue.column_lineage(lineage)
        context.add_asset_metadata(facts, asset_key=asset, partition_key=part.key(day))


def _cell(value: object) -> str | int | float | bool:
    if isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    return "" if value is None else str(value)
