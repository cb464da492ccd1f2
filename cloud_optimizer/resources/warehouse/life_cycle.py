"""What may happen to a recommendation, one step at a time, the audit of it, and the ledger of what was applied."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal, get_args

import polars as pl
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from cloud_optimizer.core.costs.ledger import LEDGER_SCHEMA, record_applied, record_rollback
from cloud_optimizer.core.costs.prices import PriceSettings
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.records import RECOMMENDATION_SCHEMA
from cloud_optimizer.resources.postgres.connection import connect
from cloud_optimizer.resources.warehouse.dimensions import prices_at
from cloud_optimizer.resources.warehouse.warehouse import Warehouse

Status = Literal["proposed", "accepted", "dismissed", "applied", "reverted", "expired"]

NEXT: Final[dict[Status, frozenset[Status]]] = {
    "proposed": frozenset({"accepted", "dismissed", "applied", "expired"}),
    "accepted": frozenset({"applied", "dismissed", "expired"}),
    "applied": frozenset({"reverted"}),
    "dismissed": frozenset({"proposed"}),  # a change of mind reopens it
    "reverted": frozenset(),
    "expired": frozenset(),
}

RECOMMENDATION: Final = "SELECT * FROM recommendations WHERE recommendation_id = %s FOR UPDATE"
SET_STATUS: Final = "UPDATE recommendations SET status = %s WHERE recommendation_id = %s"
AUDIT: Final = """
INSERT INTO recommendation_transitions (recommendation_id, from_status, to_status, changed_at, actor, note)
VALUES (%s, %s, %s, %s, %s, %s)
"""
EXPIRE: Final = """
WITH expired AS (
    UPDATE recommendations AS new SET status = 'expired'
    FROM recommendations AS old
    WHERE old.recommendation_id = new.recommendation_id
      AND new.status IN ('proposed', 'accepted') AND new.valid_until <= %(now)s
    RETURNING new.recommendation_id, old.status
)
INSERT INTO recommendation_transitions (recommendation_id, from_status, to_status, changed_at, actor, note)
SELECT recommendation_id, status, 'expired', %(now)s, 'platform', 'valid_until passed' FROM expired
"""
LEDGER_COLUMNS: Final = sql.SQL(", ").join(map(sql.Identifier, LEDGER_SCHEMA))
ENTRY: Final = sql.SQL("SELECT {} FROM savings_ledger WHERE recommendation_id = {}")
ENTRIES: Final = sql.SQL("SELECT {} FROM savings_ledger WHERE cluster = {} AND applied_at < {} ORDER BY applied_at")
FORGET: Final = "DELETE FROM savings_ledger WHERE recommendation_id = %s"
ENTER: Final = sql.SQL("INSERT INTO savings_ledger ({}) VALUES ({})").format(
    LEDGER_COLUMNS, sql.SQL(", ").join(map(sql.Placeholder, LEDGER_SCHEMA))
)


def change_status(
    warehouse: Warehouse,
    recommendation_ids: Sequence[str],
    status: str,
    at: datetime,
    actor: str,
    note: str = "",
    prices: PriceSettings | None = None,
) -> list[str]:
    """Move recommendations along their life cycle, with audit and, where that costs or saves money, ledger entries.

    All of it happens or nothing does. What is applied enters the ledger at the prices of that time; what is reverted
    ends there.

    Args:
        warehouse: Where they are.
        recommendation_ids: Which ones.
        status: Where they go.
        at: When that happened, UTC.
        actor: Who did it.
        note: Why.
        prices: Of workloads that nobody gave a price.

    Returns:
        The clusters that they are about, sorted.

    Raises:
        InputError: There is no such recommendation, or it cannot go there from where it is.
    """
    clusters = set()
    with connect(warehouse.url) as connection:
        for identity in sorted(set(recommendation_ids)):  # everybody locks in the same order
            found = connection.cursor(row_factory=dict_row).execute(RECOMMENDATION, (identity,)).fetchone()
            if found is None:
                raise InputError(f"There is no recommendation {identity}: list them with `cloud-optimizer export`.")
            clusters.add(str(found["cluster"]))
            new = check_step(identity, found["status"], status)
            connection.execute(SET_STATUS, (new, identity))
            connection.execute(AUDIT, (identity, found["status"], new, at, actor, note or None))
            if new == "applied":
                _enter(connection, _applied(warehouse, found, at, actor, prices or PriceSettings()))
            elif new == "reverted":
                entry = _frame(connection, ENTRY.format(LEDGER_COLUMNS, identity))
                _enter(connection, record_rollback(entry, identity, at, actor, note))
    return sorted(clusters)


def expire_recommendations(warehouse: Warehouse, now: datetime) -> int:
    """Expire proposed and accepted recommendations whose time has passed; return their number."""
    with connect(warehouse.url) as connection:
        return connection.execute(EXPIRE, {"now": now}).rowcount


def read_ledger(warehouse: Warehouse, cluster: str, before: datetime) -> pl.DataFrame:
    """Return what was applied in a cluster before a time, in `LEDGER_SCHEMA`."""
    query = ENTRIES.format(LEDGER_COLUMNS, sql.Literal(cluster), sql.Literal(before))
    return warehouse.frame(query).cast(LEDGER_SCHEMA)


def check_step(recommendation_id: str, current: Status, new: str) -> Status:
    """Return `new` if a recommendation may go there from `current`.

    Raises:
        InputError: It may not, or `new` is no status.
    """
    for status in get_args(Status):
        if status == new and status in NEXT[current]:
            return status  # type: ignore[no-any-return]
    allowed = ", ".join(sorted(NEXT[current])) or "nothing else"
    raise InputError(f"Recommendation {recommendation_id} is {current} and cannot become {new}: possible is {allowed}.")


def _applied(
    warehouse: Warehouse, recommendation: dict[str, Any], at: datetime, actor: str, settings: PriceSettings
) -> pl.DataFrame:
    told = {name: kind for name, kind in RECOMMENDATION_SCHEMA.items() if name not in {"options", "replica_schedule"}}
    row = pl.DataFrame([{name: recommendation[name] for name in told}], schema=told)
    prices = prices_at(warehouse, row["cluster"][0], row["workload_id"], at, settings)
    return record_applied(LEDGER_SCHEMA.to_frame(), row, prices, at, actor)


def _enter(connection: psycopg.Connection[Any], entry: pl.DataFrame) -> None:
    for row in entry.iter_rows(named=True):
        connection.execute(FORGET, (row["recommendation_id"],))
        connection.execute(ENTER, row)


def _frame(connection: psycopg.Connection[Any], query: sql.Composed) -> pl.DataFrame:
    rows = connection.cursor(row_factory=dict_row).execute(query).fetchall()
    return pl.DataFrame(rows, schema=LEDGER_SCHEMA)
