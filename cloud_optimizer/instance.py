"""Where the Dagster instance keeps runs, events and schedules: the platform's own PostgreSQL server.

Named in dagster.yaml, so that `dagster dev` started by hand finds the embedded server (and starts it) without any
set-up, or the server that CLOUD_OPTIMIZER_DATABASE_URL names.
"""

import os
import time
from pathlib import Path
from typing import Any, Self

import psycopg2
import sqlalchemy
from dagster import Field
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy import event
from sqlalchemy.exc import InterfaceError, OperationalError

STATEMENT_TIMEOUT_MS = 60_000
POOL_RECYCLE_SECONDS = 3600
POOL_OVERFLOW = 20
CONNECT_DELAYS = (0.2, 0.5, 1.0, 2.0)  # seconds; Dagster asks six times, so a restart of half a minute is waited for

STORAGE_LOST = (OperationalError, InterfaceError, DagsterPostgresException)
"""What Dagster's storage raises when the server goes away under it."""

# Dagster stores the events of all partitions of a step at once only when its environment says so; one by one they
# take longer than the work on small partitions. Set where every process that opens the instance imports it.
os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")


class PlatformStorage(DagsterPostgresStorage):
    """Dagster storage with pooled connections: a third of the cost per step of connecting anew for each event."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(postgres_url, inst_data=inst_data)
        for storage in (self.run_storage, self.event_log_storage, self.schedule_storage):
            storage.optimize_for_webserver(STATEMENT_TIMEOUT_MS, POOL_RECYCLE_SECONDS, POOL_OVERFLOW)
            survive_restarts(storage._engine)

    @classmethod
    def config_type(cls) -> dict[str, Field]:
        """Return the configuration schema: the state folder, where it is not the one of the settings."""
        return {"home": Field(str, is_required=False, description="State folder; default: CLOUD_OPTIMIZER_HOME.")}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: dict[str, Any]) -> Self:
        """Build the storage from dagster.yaml, starting the embedded server where none is named."""
        from cloud_optimizer.resources.postgres import database_urls
        from cloud_optimizer.settings import load_settings

        settings = load_settings()
        home = Path(config_value.get("home") or settings.home)
        return cls(database_urls(home, settings.server_url).dagster, inst_data)


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
