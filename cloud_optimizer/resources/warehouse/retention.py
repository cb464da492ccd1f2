"""Old partitions leave: exported if asked for, then detached and dropped."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.resources.parquet import write_parquet
from cloud_optimizer.resources.postgres.connection import connect
from cloud_optimizer.resources.warehouse import statements
from cloud_optimizer.resources.warehouse.warehouse import Warehouse

EXPIRED: Final = """
SELECT policy.table_name, child.relname,
       to_date(right(child.relname, 8), 'YYYYMMDD') AS first_day
FROM partition_policies AS policy
JOIN pg_class AS parent ON parent.relname = policy.table_name AND parent.relnamespace = current_schema()::regnamespace
JOIN pg_inherits ON inhparent = parent.oid
JOIN pg_class AS child ON child.oid = inhrelid
WHERE policy.table_name = ANY(%(tables)s)
  AND to_date(right(child.relname, 8), 'YYYYMMDD') + ('1 ' || policy.step)::interval <= %(day)s
ORDER BY policy.table_name, first_day
"""
FORGET: Final = """
DELETE FROM loads WHERE table_name = %(table)s AND date >= %(first)s AND date < %(first)s + (
    SELECT ('1 ' || step)::interval FROM partition_policies WHERE table_name = %(table)s
)
"""
# a query that runs for long must not queue everybody behind the detaching
PATIENCE: Final = "SET LOCAL lock_timeout = '10s'"
LOCK: Final = sql.SQL("LOCK TABLE {} IN SHARE MODE")
ROWS: Final = sql.SQL("SELECT * FROM {}")
DROP: Final = sql.SQL("DROP TABLE {}")
DETACH: Final = sql.SQL("ALTER TABLE {} DETACH PARTITION {}")


@dataclass(frozen=True)
class DroppedPartition:
    """A partition that left.

    Args:
        table: Its table.
        first_day: First day it covered.
        rows: Number of its rows where it was exported, else None.
        file: Where its rows are now, if anywhere.
    """

    table: str
    first_day: date
    rows: int | None
    file: Path | None


def drop_before(
    warehouse: Warehouse, day: date, tables: list[str], export_to: Path | None = None
) -> Iterator[DroppedPartition]:
    """Drop the partitions of some tables that end at `day` or before, oldest first.

    A partition goes in one transaction: readers see all of its rows or none. With `export_to` its rows are first
    written to `export_to/<table>/<first day>.parquet`, whole or not at all; writers wait until it is gone.

    Args:
        warehouse: Where from.
        day: First day that stays. A partition of a month leaves when all of its days are before.
        tables: Names of partitioned tables.
        export_to: Folder of the exports.

    Yields:
        Each partition after it is gone.
    """
    with connect(warehouse.url) as connection:
        expired = connection.execute(EXPIRED, {"tables": tables, "day": day}).fetchall()
    for table, partition, first_day in expired:
        yield _drop(warehouse, table, partition, first_day, export_to)


def _drop(
    warehouse: Warehouse, table: str, partition: str, first_day: date, export_to: Path | None
) -> DroppedPartition:
    rows, file = None, None
    try:
        with connect(warehouse.url) as connection:
            connection.execute(statements.lock_table(table, shared=False))
            connection.execute(PATIENCE)
            if export_to is not None:
                connection.execute(LOCK.format(sql.Identifier(partition)))
                frame = warehouse.frame(ROWS.format(sql.Identifier(partition)))
                rows, file = frame.height, _free_name(export_to / table, first_day)
                write_parquet(frame, file)
            connection.execute(DETACH.format(sql.Identifier(table), sql.Identifier(partition)))
            connection.execute(DROP.format(sql.Identifier(partition)))
            connection.execute(FORGET, {"table": table, "first": first_day})
    except psycopg.errors.LockNotAvailable as error:
        raise CloudOptimizerError(
            f"The partition {partition} is being read by a query that does not end: it was kept, run again later."
        ) from error
    return DroppedPartition(table, first_day, rows, file)


def _free_name(folder: Path, first_day: date) -> Path:
    """Return a file name that no earlier export has: a day can be loaded and leave more than once."""
    names = (f"{first_day.isoformat()}.parquet", *(f"{first_day.isoformat()}.{n}.parquet" for n in range(2, 1000)))
    return next(path for path in map(folder.joinpath, names) if not path.exists())
