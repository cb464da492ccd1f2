"""PostgreSQL itself: the embedded server, the addresses of its databases, and migrations."""

from cloud_optimizer.resources.postgres.embedded import EmbeddedPostgres, create_databases
from cloud_optimizer.resources.postgres.urls import DatabaseUrls, database_urls

__all__ = ["DatabaseUrls", "EmbeddedPostgres", "create_databases", "database_urls"]
