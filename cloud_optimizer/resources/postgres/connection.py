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
CONNECTION_LOST: Final = ("08", "57P")  # SQLSTATE classes: connection exception, operator intervention
REFUSED: Final = re.compile(
    r'(database|role) ".*" does not exist|.* authentication failed for .*|no pg_hba.conf entry .*|no password supplied'
)


class WarehouseUnavailable(ServiceUnavailable):
    """The database server cannot be reached or went away; the work was rolled back and may be run again."""


def is_service_lost(error: BaseException | None) -> bool:
    """Tell whether an error, or one that it was raised from, says that a server is not there now."""
    lost: tuple[type[BaseException], ...] = (ServiceUnavailable,)
    sqlalchemy = sys.modules.get("sqlalchemy.exc")  # of MLflow and Feast, where they are in use
    if sqlalchemy is not None:
        lost = (*lost, sqlalchemy.OperationalError)
    while error is not None:
        if isinstance(error, lost):
            return True
        error = error.__cause__ or error.__context__
    return False


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
        if error.sqlstate is None or error.sqlstate.startswith(CONNECTION_LOST):
            raise connection_error(url, str(error)) from error
        raise
