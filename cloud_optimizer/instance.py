"""Where the Dagster instance keeps runs, events and schedules: the platform's own PostgreSQL server.

Named in dagster.yaml, so that `dagster dev` started by hand finds the embedded server (and starts it) without any
set-up, or the server that CLOUD_OPTIMIZER_DATABASE_URL names.
"""

import os
from pathlib import Path
from typing import Any, Self

from dagster import Field
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import DagsterPostgresException

from cloud_optimizer.resources.postgres.connection import is_service_lost
from cloud_optimizer.resources.postgres.pools import CONNECTION_ERRORS, survive_restarts

STATEMENT_TIMEOUT_MS = 60_000
POOL_RECYCLE_SECONDS = 3600
POOL_OVERFLOW = 20

STORAGE_LOST = (*CONNECTION_ERRORS, DagsterPostgresException)
"""What Dagster's storage raises when the server goes away under it, and when a statement takes too long."""


def is_storage_lost(error: BaseException) -> bool:
    """Tell whether the server cannot do it now: one that cancels a statement after a minute would cancel it again."""
    return isinstance(error, DagsterPostgresException) or is_service_lost(error)


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
