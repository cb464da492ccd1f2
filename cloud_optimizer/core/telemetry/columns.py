"""Which column of a telemetry file is what, by the declared table."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloud_optimizer.core.telemetry.column_table import COLUMN_TABLE, KEY_NAMES, AcceptedColumn


@dataclass(frozen=True)
class FoundColumn:
    """A column of a file and how its numbers become a quantity."""

    column: str
    accepted: AcceptedColumn


@dataclass(frozen=True)
class ColumnPlan:
    """Which column of a file is what.

    Args:
        timestamp: Column of the time of the sample; None where the file has none. So for the other keys.
        workload_id: Column of the workload.
        cluster: Column of the cluster.
        quantities: Found columns by quantity.
        unknown: Columns that the table does not have.
        second: Columns whose key or quantity another column already gives.
    """

    timestamp: str | None
    workload_id: str | None
    cluster: str | None
    quantities: Mapping[str, FoundColumn]
    unknown: tuple[str, ...]
    second: tuple[str, ...]


def normalise(name: str) -> str:
    """Return a column name as the table spells it: `CPU usage [%]` gives `cpu_usage_percent`."""
    return re.sub(r"[^0-9a-z]+", "_", name.lower().replace("%", " percent ")).strip("_")


def plan_columns(columns: Sequence[str]) -> ColumnPlan:
    """Match a file's columns with the table."""
    by_name: dict[str, str] = {}
    for column in columns:
        by_name.setdefault(normalise(column), column)
    keys = {key: next((by_name[name] for name in names if name in by_name), None) for key, names in KEY_NAMES.items()}
    quantities: dict[str, FoundColumn] = {}
    for entry in COLUMN_TABLE:
        for name in entry.names:
            if name in by_name:
                quantities.setdefault(entry.quantity, FoundColumn(by_name[name], entry))
    used = {*keys.values(), *(found.column for found in quantities.values())}
    accepted = {name for names in KEY_NAMES.values() for name in names}.union(*(e.names for e in COLUMN_TABLE))
    rest = [column for column in columns if column not in used]
    return ColumnPlan(
        keys["timestamp"],
        keys["workload_id"],
        keys["cluster"],
        quantities,
        unknown=tuple(column for column in rest if normalise(column) not in accepted),
        second=tuple(column for column in rest if normalise(column) in accepted),
    )
