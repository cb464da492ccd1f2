"""Compositions of SQL for any table; values travel as literals quoted by psycopg.

Bound parameters would keep ADBC from reading by COPY, which is twice as fast.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import polars as pl
from psycopg import sql

from cloud_optimizer.resources.warehouse.tables import Table

STARTING_IN: Final = sql.SQL("cluster = {cluster} AND {day} >= {start} AND {day} < {end}")
ENDING_IN: Final = sql.SQL("cluster = {cluster} AND {day} > {start} AND {day} <= {end}")


def lock_cluster(table: Table, cluster: str) -> sql.Composed:
    """Return the statement that waits until no one else replaces rows of this cluster in this table."""
    key = sql.Literal(f"replace {table.name} {cluster}")
    return sql.SQL("SELECT true FROM pg_advisory_xact_lock(hashtextextended({}, 0))").format(key)


def lock_table(name: str, *, shared: bool) -> sql.Composed:
    """Return the statement that keeps partitions of a table from being dropped (shared), or waits for all loaders."""
    key = sql.Literal(f"retention of {name}")
    function = sql.SQL("pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock")
    return sql.SQL("SELECT true FROM {}(hashtextextended({}, 0))").format(function, key)


def ensure_partitions(table: Table, start: date, end: date) -> sql.Composed:
    """Return the statement that makes missing partitions of the days [start, end)."""
    last = end + timedelta(days=1) if table.ends_day else end
    values = sql.SQL(", ").join(map(sql.Literal, (table.name, start, last)))
    return sql.SQL("SELECT ensure_partitions({})").format(values)


def summarize_partitions(table: Table, start: date, end: date) -> sql.Composed:
    """Return the statement that brings BRIN indexes of the days [start, end) up to date."""
    last = end + timedelta(days=1) if table.ends_day else end
    values = sql.SQL(", ").join(map(sql.Literal, (table.name, start, last)))
    return sql.SQL("SELECT summarize_partitions({})").format(values)


def refresh(function: str, cluster: str, start: date, end: date) -> sql.Composed:
    """Return the statement that brings roll-ups of the days [start, end) of a cluster up to date."""
    values = sql.SQL(", ").join(map(sql.Literal, (cluster, start, end)))
    return sql.SQL("SELECT true FROM {}({})").format(sql.Identifier(function), values)


def delete(table: Table, cluster: str, start: date, end: date) -> sql.Composed:
    """Return the statement that deletes the days [start, end) of a cluster."""
    return sql.SQL("DELETE FROM {} WHERE {}").format(sql.Identifier(table.name), _rows(table, cluster, start, end))


def select(table: Table, cluster: str, start: date, end: date, columns: Sequence[str]) -> sql.Composed:
    """Return the query of some columns of the days [start, end) of a cluster."""
    return sql.SQL("SELECT {} FROM {} WHERE {}").format(
        sql.SQL(", ").join(_column(table, name) for name in columns),
        sql.Identifier(table.name),
        _rows(table, cluster, start, end),
    )


def delete_loads(table: Table, cluster: str, start: date, end: date) -> sql.Composed:
    """Return the statement that forgets which of the days [start, end) were loaded."""
    return sql.SQL("DELETE FROM loads WHERE table_name = {} AND cluster = {} AND date >= {} AND date < {}").format(
        *map(sql.Literal, (table.name, cluster, start, end))
    )


def _rows(table: Table, cluster: str, start: date, end: date) -> sql.Composed:
    return (ENDING_IN if table.ends_day else STARTING_IN).format(
        cluster=sql.Literal(cluster),
        day=sql.Identifier(table.day_column),
        start=_instant(table, start),
        end=_instant(table, end),
    )


def _instant(table: Table, day: date) -> sql.Composable:
    if not table.is_timed:
        return sql.Literal(day)
    return sql.Literal(day.isoformat() + " 00:00:00+00")


def _column(table: Table, name: str) -> sql.Composable:
    # JSON is text for Polars; for a column that is text already the cast is nothing
    column = sql.Identifier(name)
    return sql.SQL("{}::text").format(column) if table.schema[name] == pl.String else column
