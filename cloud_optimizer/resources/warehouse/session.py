"""One ADBC connection: statements, frames out by COPY, frames in by COPY, and errors in the platform's words."""

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import polars as pl
from psycopg import sql

from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.resources.postgres.connection import CONNECTION_LOST, connection_error

OUT_OF_RESOURCES: Final = "53"  # disk, memory, connections
LACKING: Final = ("42P01", "42883")  # undefined table, undefined function
PROTOTYPES_KEPT: Final = 4

_prototypes: Final[dict[tuple[str, int], Any]] = {}
_prototypes_lock: Final = threading.Lock()


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

    def copy(self, table: str, frame: pl.DataFrame, *, temporary: bool = False) -> None:
        """Append a frame to a table by one binary COPY; unsigned integers and enums go as what PostgreSQL has."""
        stored = frame.cast({pl.UInt32: pl.Int32, pl.Enum: pl.String})
        self._cursor.adbc_ingest(table, stored, mode="append", temporary=temporary)

    def commit(self) -> None:
        """Make everything since the last commit visible at once."""
        self._connection.commit()


@contextmanager
def open_session(url: str) -> Iterator[Session]:
    """Open a connection; leaving the block without `commit` rolls back.

    Raises:
        WarehouseUnavailable: The server cannot be reached or went away.
        CloudOptimizerError: The server is out of disk, memory or connections, or the database was not migrated.
    """
    from adbc_driver_manager import AdbcStatusCode, Error

    try:
        with _clone(url) as connection, connection.cursor() as cursor:
            yield Session(connection, cursor)
    except Error as error:
        state = error.sqlstate or ""
        if state.startswith(CONNECTION_LOST) or (not state and error.status_code == AdbcStatusCode.IO):
            raise connection_error(url, str(error)) from error
        if state.startswith(OUT_OF_RESOURCES):
            words = str(error).splitlines()[0].rpartition("ERROR:  ")[2]
            raise CloudOptimizerError(
                f"The database server is out of resources, nothing was changed: {words}. Make room and run again."
            ) from error
        if state in LACKING:
            raise CloudOptimizerError(
                "The database lacks tables of this program: bring it up to date with `cloud-optimizer migrate`."
            ) from error
        raise


def _clone(url: str) -> Any:
    """Return a connection cloned from this process's first one, which read the whole type catalogue; 2 ms, not 70.

    A forked process makes its own first one; it must neither use nor close what it inherited.
    """
    from adbc_driver_postgresql import dbapi

    key = (url, os.getpid())
    with _prototypes_lock:
        if key not in _prototypes:
            own = [other for other in _prototypes if other[1] == os.getpid()]
            for other in own[: max(len(own) + 1 - PROTOTYPES_KEPT, 0)]:
                _prototypes.pop(other).close()
            _prototypes[key] = dbapi.connect(url, autocommit=True)
        return _prototypes[key].adbc_clone()


@atexit.register
def _close_prototypes() -> None:
    for (_, process), connection in _prototypes.items():
        if process == os.getpid():
            connection.close()
