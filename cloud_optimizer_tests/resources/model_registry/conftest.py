"""A registry on the embedded PostgreSQL, and fitted models that need no training."""

from collections.abc import Iterator

import pytest

from cloud_optimizer.resources.model_registry import ModelRegistry
from cloud_optimizer.resources.postgres import EmbeddedPostgres


@pytest.fixture(scope="package")
def tracking_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an MLflow database."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres")).start()
    yield server.uri("mlflow", "psycopg2")
    server.stop()


@pytest.fixture(scope="package")
def registry(tracking_uri: str, tmp_path_factory: pytest.TempPathFactory) -> ModelRegistry:
    """A model registry; tests keep apart by their clusters' names."""
    return ModelRegistry(tracking_uri, tmp_path_factory.mktemp("artifacts"))
