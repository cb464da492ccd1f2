"""What tunings decided: one row a cluster, day and family."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from psycopg import sql

from cloud_optimizer.core.tuning.choice import TUNED_SCHEMA
from cloud_optimizer.resources.warehouse.tables import Table
from cloud_optimizer.resources.warehouse.warehouse import Warehouse

TUNED: Final = Table("tuned_hyperparameters", TUNED_SCHEMA, "date", ("date", "family"))
NEWEST: Final = sql.SQL(
    "SELECT DISTINCT ON (family) {} FROM tuned_hyperparameters WHERE cluster = {} AND date <= {}"
    " ORDER BY family, date DESC"
)


def tunings_as_of(warehouse: Warehouse, cluster: str, day: date) -> Mapping[str, Mapping[str, Any]]:
    """Return family to the row of its newest tuning by the end of a day."""
    columns = sql.SQL(", ").join(map(sql.Identifier, TUNED.schema))
    rows = warehouse.frame(NEWEST.format(columns, sql.Literal(cluster), sql.Literal(day)))
    return {row["family"]: row for row in rows.cast(TUNED.schema).to_dicts()}
