"""A registry on the embedded PostgreSQL."""

import pytest

from cloud_optimizer.resources.model_registry import ModelRegistry
from cloud_optimizer.resources.postgres import EmbeddedPostgres


@pytest.fixture(scope="package")
def registry(postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> ModelRegistry:
    """Return a model registry; tests keep apart by their clusters' names."""
    return ModelRegistry(postgres_server.uri("mlflow", "psycopg2"), tmp_path_factory.mktemp("artifacts"))
