"""One real PostgreSQL database with applied Feast definitions for the tests of the store."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import polars as pl
import psycopg
import pytest

from cloud_optimizer.core.features.build import feature_frame
from cloud_optimizer.resources.feature_store import FeatureStore
from cloud_optimizer_tests.core.features.panels import random_panel

FIRST = datetime(2024, 1, 16, tzinfo=UTC)  # random panels begin at 2024-01-01 05:00
CLUSTERS = ("eu/west", "us")


@pytest.fixture(scope="package")
def frames() -> dict[str, pl.DataFrame]:
    """Return the feature rows of two days of two clusters that share their workload ids; `w3` ends 18 hours early."""
    panels = {cluster: random_panel(4, 24 * 17, seed=number) for number, cluster in enumerate(CLUSTERS)}
    last = FIRST + timedelta(days=2)
    rows = {cluster: feature_frame(panel, cluster, FIRST, last) for cluster, panel in panels.items()}
    ended = (pl.col("workload_id") == "w3") & (pl.col("timestamp") >= last - timedelta(hours=18))
    return {cluster: frame.filter(~ended) for cluster, frame in rows.items()}


@pytest.fixture(scope="package")
def store(postgres_server, tmp_path_factory, frames) -> Iterator[FeatureStore]:
    """Return a store with applied definitions, and both clusters written offline and online."""
    with psycopg.connect(postgres_server.uri("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE feature_store")
    url = postgres_server.uri("feature_store", "psycopg")
    store = FeatureStore(url, tmp_path_factory.mktemp("features"))
    store.apply()
    for cluster, frame in frames.items():
        store.write(cluster, frame)
        store.write_online(cluster, frame)
    yield store
    store.close()
