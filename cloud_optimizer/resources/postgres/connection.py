"""Connections, and the one error for a server that is not there."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from cloud_optimizer.core.errors import CloudOptimizerError, ServiceUnavailable

CONNECT_SECONDS: Final = 10
CONNECTION_LOST: Final = ("08", "57P")  # SQLSTATE: connection exception, shutdown; 57014, a timeout, is neither
LASTING: Final = ("57014", "53100")  # a statement that took too long and a full disk: the same would end the same way
REFUSED: Final = re.compile(
    r'(database|role) ".*" does not exist|.* authentication failed for .*|no pg_hba.conf entry .*|no password supplied'
)


class WarehouseUnavailable(ServiceUnavailable):
    """The database server cannot be reached or went away; the work was rolled back and may be run again."""


def is_connection_lost(sqlstate: str | None) -> bool:
    """Tell whether the state of a failed call says that its server is not there now; without one it did not answer."""
    return sqlstate is None or sqlstate.startswith(CONNECTION_LOST)


def is_service_lost(error: BaseException | None) -> bool:
    """Tell whether an error, or one that it was raised from, says that a server cannot do now what it can do soon.

    It went away, it has no connection or memory left, or it ended a statement for the sake of another one (deadlock).
    """
    sqlalchemy = sys.modules.get("sqlalchemy.exc")  # of MLflow and Feast, where they are in use
    while error is not None:
        if isinstance(error, ServiceUnavailable):
            return True
        if sqlalchemy is not None and isinstance(error, sqlalchemy.OperationalError | sqlalchemy.InterfaceError):
            return _sqlstate(error.orig) not in LASTING
        error = error.__cause__ or error.__context__
    return False


def _sqlstate(error: BaseException | None) -> str | None:
    """Return the SQLSTATE of a driver's error: psycopg and psycopg2 name it differently, SQLite has none."""
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)


def connection_error(url: str, words: str) -> CloudOptimizerError:
    """Return the error for what libpq said about the server of `url`, without its password.

    A refused login stays refused, so that is no `WarehouseUnavailable`.
    """
    parts = conninfo_to_dict(url)
    place = f"{parts.get('host', 'localhost')}, database {parts.get('dbname')}"
    refusal = REFUSED.search(words)
    if refusal:
        return CloudOptimizerError(f"The database server at {place} refuses the connection: {refusal[0]}.")
    return WarehouseUnavailable(
        f"The database server at {place} cannot be reached or went away: check that it runs, then run this again."
    )


@contextmanager
def connect(url: str, autocommit: bool = False) -> Iterator[psycopg.Connection[Any]]:
    """Open a connection whose block commits, or rolls back on an error.

    Raises:
        WarehouseUnavailable: The server cannot be reached or goes away inside the block.
    """
    try:
        with psycopg.connect(url, autocommit=autocommit, connect_timeout=CONNECT_SECONDS) as connection:
            yield connection
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        if is_connection_lost(error.sqlstate):
            raise connection_error(url, str(error)) from error
        raise
