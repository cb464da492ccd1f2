"""Telemetry and results in PostgreSQL: whole days of a cluster in and out, as frames, by COPY."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, TypeVar

import polars as pl
from psycopg import sql

from cloud_optimizer.core.names import check_cluster
from cloud_optimizer.resources.postgres.connection import WarehouseUnavailable
from cloud_optimizer.resources.warehouse import statements
from cloud_optimizer.resources.warehouse.queries import find_query
from cloud_optimizer.resources.warehouse.session import Session, open_session
from cloud_optimizer.resources.warehouse.tables import CHAMPIONS, Table

Result = TypeVar("Result")

LOADED_CLUSTERS: Final = sql.SQL("SELECT DISTINCT cluster::text FROM loads WHERE row_count > 0 ORDER BY 1")
LOADED_DAYS: Final = sql.SQL(
    "SELECT date FROM loads WHERE table_name = {} AND cluster = {} AND row_count > 0 ORDER BY 1"
)
NEWEST_DAY: Final = sql.SQL(
    "SELECT coalesce(max(date), '1970-01-01') AS date FROM loads"
    " WHERE table_name = 'workload_hours' AND row_count > 0 AND {0} IN ('', cluster)"
)
CHAMPION_AS_OF: Final = sql.SQL(
    "SELECT DISTINCT ON (resource) {} FROM champions WHERE cluster = {} AND date <= {} ORDER BY resource, date DESC"
)


@dataclass(frozen=True)
class Warehouse:
    """The database of telemetry and results. Cheap to make and to pickle: connections live inside its calls.

    Args:
        url: Address of the migrated database.
        retry_delays: Seconds between attempts when the server is away; every call may be run again safely.
        sleep: How to wait.
    """

    url: str = field(repr=False)
    retry_delays: Sequence[float] = (0.2, 0.5, 1, 2, 4, 8)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def replace(self, cluster: str, start: date, end: date, frames: Mapping[Table, pl.DataFrame]) -> None:
        """Make `frames` all that the tables hold of the days [start, end) of a cluster.

        One transaction: readers see the old rows or the new ones of all tables. Two calls for a cluster and table wait
        for each other. A day without rows is recorded as loaded and empty.

        Args:
            cluster: Name of the cluster.
            start: First day.
            end: Day after the last.
            frames: Rows of each table, in its schema (column order does not matter).

        Raises:
            InputError: The cluster or a workload has a name that cannot be stored.
            ValueError: Rows of another cluster or day, or two rows with one key.
            WarehouseUnavailable: The server stayed away; nothing was changed.
        """
        check_cluster(cluster)
        if start >= end:
            raise ValueError(f"no days between {start} and {end}")
        ready = {table: table.prepare(frame, cluster, start, end) for table, frame in _by_name(frames)}
        self.run(lambda session: _replace(session, cluster, start, end, ready))

    def read(
        self, table: Table, cluster: str, start: date, end: date, columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Return the days [start, end) of a cluster in the table's types and order; all columns or some."""
        names = list(table.schema if columns is None else columns)
        asked = list(dict.fromkeys([*names, *table.sort_key]))
        stored = [name for name in asked if name != "cluster"]
        frame = self.frame(statements.select(table, cluster, start, end, stored))
        typed = frame.with_columns(cluster=pl.lit(cluster)).select(asked).cast({n: table.schema[n] for n in asked})
        return table.ordered(typed).select(names)

    def frame(self, statement: sql.Composable) -> pl.DataFrame:
        """Return the rows of any query."""
        return self.run(lambda session: session.frame(statement))

    def run(self, work: Callable[[Session], Result]) -> Result:
        """Return what work does in a session, done again after each delay while the server is away; it commits itself.

        Raises:
            WarehouseUnavailable: The server stayed away.
        """
        for delay in self.retry_delays:
            try:
                with open_session(self.url) as session:
                    return work(session)
            except WarehouseUnavailable:
                self.sleep(delay)
        with open_session(self.url) as session:
            return work(session)

    def clusters(self) -> list[str]:
        """Return the clusters that have rows in any table, sorted."""
        return self.frame(LOADED_CLUSTERS)["cluster"].to_list()

    def days(self, table: Table, cluster: str) -> list[date]:
        """Return the days of a cluster of which a table has rows, sorted."""
        query = LOADED_DAYS.format(sql.Literal(table.name), sql.Literal(cluster))
        return self.frame(query)["date"].to_list()

    def champion_as_of(self, cluster: str, day: date) -> pl.DataFrame:
        """Return the choice in force at the end of a day: at most one row per resource, in `CHAMPION_SCHEMA`."""
        columns = sql.SQL(", ").join(map(sql.Identifier, CHAMPIONS.schema))
        query = CHAMPION_AS_OF.format(columns, sql.Literal(cluster), sql.Literal(day))
        return self.frame(query).cast(CHAMPIONS.schema)

    def query(self, name: str, **parameters: object) -> pl.DataFrame:
        """Return the answer of an analytical query of sql/queries; see `query_names`.

        Raises:
            InputError: There is no such query or parameter, or a value does not fit.
        """
        asked = find_query(name)
        newest = NEWEST_DAY.format(sql.Literal(str(parameters.get("cluster") or "")))

        def answer(session: Session) -> pl.DataFrame:
            day = session.frame(newest)["date"][0]
            return session.frame(asked.statement(parameters, day))

        return self.run(answer)


def _by_name(frames: Mapping[Table, pl.DataFrame]) -> list[tuple[Table, pl.DataFrame]]:
    """Order tables by name: everybody locks in the same order, so nobody waits in a circle."""
    return sorted(frames.items(), key=lambda item: item[0].name)


def _replace(session: Session, cluster: str, start: date, end: date, frames: Mapping[Table, pl.DataFrame]) -> None:
    for table in frames:
        session.execute(statements.ensure_partitions(table, start, end))
    session.commit()
    for table in frames:
        session.execute(statements.lock_table(table.name, shared=True))
        session.execute(statements.lock_cluster(table, cluster))
        session.execute(statements.ensure_partitions(table, start, end))  # retention may have been quicker
    for table, frame in frames.items():
        session.execute(statements.delete(table, cluster, start, end))
        session.execute(statements.delete_loads(table, cluster, start, end))
        if frame.height:
            session.copy(table.name, frame)
        session.copy("loads", _loads(table, frame, cluster, start, end))
    for function in filter(None, (table.refresh for table in frames)):
        session.execute(statements.refresh(function, cluster, start, end))
    session.commit()
    for table in frames:
        session.execute(statements.lock_table(table.name, shared=True))
        session.execute(statements.summarize_partitions(table, start, end))
    session.commit()


def _loads(table: Table, frame: pl.DataFrame, cluster: str, start: date, end: date) -> pl.DataFrame:
    """Count the rows of each day, days without any included."""
    days = pl.DataFrame({"date": pl.date_range(start, end, closed="left", eager=True)})
    counts = frame.group_by(table.day().alias("date")).agg(row_count=pl.len().cast(pl.Int64))
    return days.join(counts, on="date", how="left").select(
        table_name=pl.lit(table.name), cluster=pl.lit(cluster), date="date", row_count=pl.col("row_count").fill_null(0)
    )
