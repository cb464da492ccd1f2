"""Fixtures every test may use."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import hypothesis
import psycopg
import pytest
from psycopg import sql

from cloud_optimizer.resources.postgres import EmbeddedPostgres
from cloud_optimizer.resources.postgres.migrations import migrate
from cloud_optimizer.resources.warehouse import Warehouse

TRACES = Path(__file__).resolve().parents[2] / "shared" / "traces"
TEMPLATE = "migrated"
DATABASE_NUMBERS = count()

# CI judges a change: it tries the same examples every time. People's runs explore new ones.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")


@pytest.fixture(scope="session")
def traces() -> Path:
    """Return the folder of real traces beside the repository, or skip."""
    if not TRACES.is_dir():
        pytest.skip("the real traces are not beside this checkout (../shared/traces)")
    return TRACES


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """Return a running PostgreSQL of this test process; what it holds is lost at the end."""
    home = Path(tempfile.mkdtemp(prefix="co-test-"))  # pytest's own folders are too long for a socket
    home.chmod(0o755)
    server = EmbeddedPostgres(home, settings={"fsync": "off"}).start()
    migrate(_create(server, TEMPLATE, "template1"))
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def warehouse_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """Return the address of a fresh migrated database."""
    name = f"test_{os.getpid()}_{next(DATABASE_NUMBERS)}"
    yield _create(postgres_server, name, TEMPLATE)
    with psycopg.connect(postgres_server.uri("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def warehouse(warehouse_url: str) -> Warehouse:
    """Return a warehouse on a fresh migrated database."""
    return Warehouse(warehouse_url)


def _create(server: EmbeddedPostgres, name: str, template: str) -> str:
    with psycopg.connect(server.uri("postgres"), autocommit=True) as connection:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
    return server.uri(name)
