"""A bill on its way into the warehouse: its lines are stored, and workloads get the prices that it implies."""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import polars as pl
from psycopg import sql

from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.costs.focus import BillPrices, prices_from_bill
from cloud_optimizer.core.costs.prices import PriceSettings
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.names import check_cluster
from cloud_optimizer.core.table_input import FIRST_ROW, conform
from cloud_optimizer.resources.warehouse.dimensions import record_workloads
from cloud_optimizer.resources.warehouse.tables import COST_LINES
from cloud_optimizer.resources.warehouse.warehouse import Warehouse

CATEGORIES: Final = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")
PERIOD: Final = ("ChargePeriodStart", "ChargePeriodEnd")
RESOURCES: Final = sql.SQL("""
SELECT DISTINCT ON (workload_id)
       capacity.cluster, workload_id, coalesce(known.resource_id, workload_id) AS resource_id,
       capacity.cpu_capacity_cores, capacity.memory_capacity_bytes
FROM capacity_days AS capacity
LEFT JOIN current_workloads AS known USING (cluster, workload_id)
WHERE cluster = {cluster}
ORDER BY workload_id, capacity.date < {end} DESC, abs(capacity.date - {end})
""")


@dataclass(frozen=True)
class LoadedBill:
    """What a bill brought.

    Args:
        lines: Number of lines stored.
        first_day: First day with a line.
        last_day: Last day with a line.
        bill: Prices of workloads, and the lines that gave none.
    """

    lines: int
    first_day: date
    last_day: date
    bill: BillPrices


def load_bill(
    warehouse: Warehouse,
    lines: pl.DataFrame,
    cluster: str,
    label: str,
    settings: PriceSettings,
    first_row: int = FIRST_ROW,
) -> LoadedBill:
    """Store the lines in the place of what was known of their days, and record the prices they imply.

    Args:
        warehouse: Where to.
        lines: FOCUS 1.2 lines, typed or as text; columns that are not stored are ignored.
        cluster: Whose bill it is.
        label: How messages name the bill.
        settings: Proportion of core and memory price where a line names an instance.
        first_row: How messages number the first line.

    Raises:
        InputError: A column is missing, a cell cannot be read, or the lines mix currencies; nothing was stored.
    """
    check_cluster(cluster)
    stored = lines.select(name for name in lines.columns if name in COST_LINES.schema and name != "cluster")
    typed = conform(_with_tags_as_text(stored), COST_LINES.schema, PERIOD, label, first_row)
    if typed.is_empty():
        raise InputError(f"{label} has no cost lines: export a period that was billed.")
    _check(typed, label)
    days = typed["ChargePeriodStart"].dt.date().unique().sort().to_list()
    first, last = days[0], days[-1]
    end = max(last + DAY, _day_after(typed["ChargePeriodEnd"].sort()[-1]))
    resources = warehouse.frame(RESOURCES.format(cluster=sql.Literal(cluster), end=sql.Literal(end)))
    bill = prices_from_bill(typed, resources, settings)
    missing = {name: pl.lit(None, kind) for name, kind in COST_LINES.schema.items() if name not in typed.columns}
    complete = typed.with_columns(**missing).with_columns(cluster=pl.lit(cluster))
    warehouse.replace(cluster, first, end, {COST_LINES: _with_json_tags(complete.select(COST_LINES.schema.names()))})
    record_workloads(warehouse, bill.prices, typed["ChargePeriodStart"].sort()[0])
    return LoadedBill(typed.height, first, last, bill)


def _day_after(end: datetime) -> date:
    """Return the day after the last one that a period touches."""
    return (end - timedelta(microseconds=1)).date() + DAY


def _check(lines: pl.DataFrame, label: str) -> None:
    """Refuse what FOCUS 1.2 does not know: periods that do not go forward, and other categories of charges."""
    if lines.filter(pl.col("ChargePeriodEnd") <= pl.col("ChargePeriodStart")).height:
        raise InputError(f"{label} has a charge period that ends before it began: export the bill as FOCUS 1.2.")
    if "ChargeCategory" in lines.columns:
        other = lines.filter(pl.col("ChargeCategory").is_in(CATEGORIES).not_())
        if other.height:
            category = other["ChargeCategory"][0]
            raise InputError(f"{label} has the ChargeCategory {category}: FOCUS 1.2 knows {', '.join(CATEGORIES)}.")


def _with_tags_as_text(lines: pl.DataFrame) -> pl.DataFrame:
    """Write tags as JSON where they have a type of their own: a map is a list of keys and values to Polars."""
    if "Tags" not in lines.columns or not lines.schema["Tags"].is_nested():
        return lines
    texts = [None if tags is None else json.dumps(_tags(tags), default=str) for tags in lines["Tags"].to_list()]
    return lines.with_columns(Tags=pl.Series(texts, dtype=pl.String))


def _tags(tags: Any) -> Any:
    entries = tags if isinstance(tags, list) else []
    is_map = all(isinstance(entry, dict) and entry.keys() == {"key", "value"} for entry in entries)
    return {entry["key"]: entry["value"] for entry in entries} if entries and is_map else tags


def _with_json_tags(lines: pl.DataFrame) -> pl.DataFrame:
    """Keep tags where they are JSON, as FOCUS wants them; anything else could not be stored."""
    other = [tags for tags in lines["Tags"].unique() if not _is_json(tags)]
    return lines.with_columns(pl.when(pl.col("Tags").is_in(other).not_()).then("Tags"))


def _is_json(text: str | None) -> bool:
    try:
        json.loads(text or "", parse_constant=_refuse)
    except ValueError:
        return False
    return True


def _refuse(constant: str) -> None:
    """NaN and Infinity are JSON to Python, and to nobody else."""
    raise ValueError(constant)
