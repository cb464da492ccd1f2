"""How settings become connections: the one place that knows where each part of the state lives."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cloud_optimizer.resources.drift_reports import DriftReports
from cloud_optimizer.resources.evaluations import EvaluationStore
from cloud_optimizer.resources.feature_store import FeatureStore
from cloud_optimizer.resources.model_registry import ModelRegistry
from cloud_optimizer.resources.notifications import Notifications, channels_of
from cloud_optimizer.resources.postgres import DatabaseUrls, EmbeddedPostgres, database_urls
from cloud_optimizer.resources.postgres.migrations import migrate
from cloud_optimizer.resources.telemetry.catalog import SourceAccess, SourceCatalog
from cloud_optimizer.resources.tuning import Searches
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.settings import Settings


@dataclass(frozen=True)
class Platform:
    """Lazy connections to everything outside the process; nothing is opened before it is used."""

    settings: Settings

    @cached_property
    def urls(self) -> DatabaseUrls:
        """Addresses of the databases.

        Where none is named, the embedded server is started and migrated, so that a Dagster started by hand works. A
        named server is migrated by people: `cloud-optimizer migrate`.
        """
        urls = database_urls(self.settings.home, self.settings.server_url)
        if self.settings.server_url is None:
            migrate(urls.warehouse)
        return urls

    @cached_property
    def warehouse(self) -> Warehouse:
        """Telemetry and results in PostgreSQL."""
        return Warehouse(self.urls.warehouse)

    @cached_property
    def telemetry(self) -> SourceCatalog:
        """The telemetry sources of all clusters."""
        secrets = self.settings.source_secrets
        return SourceCatalog(self.urls.warehouse, SourceAccess(self._folder("spool"), **secrets))

    @cached_property
    def feature_store(self) -> FeatureStore:
        """Features: Parquet offline, PostgreSQL or Redis online, Feast as the catalogue."""
        return FeatureStore(self.urls.registry, self._folder("features"), self.settings.online_store_url)

    @cached_property
    def evaluations(self) -> EvaluationStore:
        """Out-of-time losses of candidates."""
        return EvaluationStore(self._folder("evaluations"))

    @cached_property
    def model_registry(self) -> ModelRegistry:
        """Models and champions in MLflow."""
        return ModelRegistry(self.settings.mlflow_tracking_uri or self.urls.mlflow, self._folder("models"))

    @cached_property
    def searches(self) -> Searches:
        """Searches for hyper-parameters in PostgreSQL."""
        return Searches(self.urls.warehouse, self.urls.registry)

    @cached_property
    def drift_reports(self) -> DriftReports:
        """Evidently reports as files."""
        return DriftReports(self._folder("drift_reports"))

    @cached_property
    def notifications(self) -> Notifications:
        """Messages to people."""
        return Notifications(channels_of(self.settings.notifications))

    def _folder(self, name: str) -> Path:
        return self.settings.home / name


@contextmanager
def local_platform(settings: Settings) -> Iterator[Platform]:
    """Start the embedded server where none is named, migrate, and stop on the way out what was started here."""
    server = EmbeddedPostgres(settings.home)
    ours = settings.server_url is None and not (settings.home.exists() and server.is_running())
    platform = Platform(settings)
    try:
        migrate(platform.urls.warehouse)
        yield platform
    finally:
        if ours and server.is_running():
            server.stop()
