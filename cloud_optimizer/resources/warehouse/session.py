"""One ADBC connection: statements, frames out by COPY, frames in by COPY, and errors in the platform's words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import polars as pl
from psycopg import sql

from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.resources.postgres.connection import connection_error

CONNECTION_LOST: Final = ("08", "57P")  # SQLSTATE classes: connection exception, operator intervention
OUT_OF_RESOURCES: Final = "53"  # disk, memory, connections


class Session:
    """A transaction that is open from the first statement to `commit`."""

    def __init__(self, connection: Any, cursor: Any) -> None:
        self._connection = connection
        self._cursor = cursor

    def execute(self, statement: sql.Composable) -> None:
        """Run a statement to its end and drop what it returns."""
        self._cursor.execute(statement.as_string(None))
        if self._cursor.description:
            self._cursor.fetchall()

    def frame(self, statement: sql.Composable) -> pl.DataFrame:
        """Return the rows of a query."""
        self._cursor.execute(statement.as_string(None))
        return pl.DataFrame(self._cursor.fetch_arrow())

    def copy(self, table: str, frame: pl.DataFrame) -> None:
        """Append a frame to a table by one binary COPY; unsigned integers and enums go as what PostgreSQL has."""
        stored = frame.cast({pl.UInt32: pl.Int32, pl.Enum: pl.String})
        self._cursor.adbc_ingest(table, stored, mode="append")

    def commit(self) -> None:
        """Make everything since the last commit visible at once."""
        self._connection.commit()


@contextmanager
def open_session(url: str) -> Iterator[Session]:
    """Open a connection; leaving the block without `commit` rolls back.

    Raises:
        WarehouseUnavailable: The server cannot be reached or went away.
        CloudOptimizerError: The server is out of disk, memory or connections.
    """
    from adbc_driver_manager import AdbcStatusCode, Error
    from adbc_driver_postgresql import dbapi

    try:
        with dbapi.connect(url) as connection, connection.cursor() as cursor:
            yield Session(connection, cursor)
    except Error as error:
        state = error.sqlstate or ""
        if state.startswith(CONNECTION_LOST) or error.status_code == AdbcStatusCode.IO:
            raise connection_error(url, str(error)) from error
        if state.startswith(OUT_OF_RESOURCES):
            words = str(error).splitlines()[0]
            raise CloudOptimizerError(
                f"The database server is out of resources, nothing was changed: {words}"
            ) from error
        raise
