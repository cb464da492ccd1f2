"""Pools of SQLAlchemy connections that outlive a restart of the server."""

import time
from typing import Any, Final

import psycopg2
import sqlalchemy
from sqlalchemy import event
from sqlalchemy.exc import InterfaceError, OperationalError

CONNECT_DELAYS: Final = (0.2, 0.5, 1.0, 2.0)  # seconds; Dagster asks six times: half a minute is waited for

CONNECTION_ERRORS: Final = (OperationalError, InterfaceError)
"""What a statement raises whose connection went away; see `connection.is_service_lost` for what else they may say."""


def survive_restarts(engine: sqlalchemy.Engine) -> None:
    """Look at a pooled connection before it is used, and wait for a server that is coming back."""

    @event.listens_for(engine, "checkout")
    def replace_dead(connection: Any, record: object, proxy: object) -> None:  # noqa: ARG001
        if not _answers(connection):
            raise sqlalchemy.exc.DisconnectionError  # the pool then makes a new one

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: object, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:  # noqa: ARG001
        for delay in CONNECT_DELAYS:
            try:
                return dialect.connect(*arguments, **options)
            except psycopg2.OperationalError:
                time.sleep(delay)
        return dialect.connect(*arguments, **options)


def _answers(connection: Any) -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (psycopg2.OperationalError, psycopg2.InterfaceError):
        return False
    return True
