"""Which errors say that a server is not there, asked of a real one through every driver that is used."""

import psycopg
import pytest
import sqlalchemy
from psycopg import sql

from cloud_optimizer.resources.postgres import EmbeddedPostgres
from cloud_optimizer.resources.postgres.connection import WarehouseUnavailable, connect, is_service_lost
from cloud_optimizer.resources.warehouse import Warehouse

SLOW = "SELECT pg_sleep(60)"
IMPATIENT = "SET statement_timeout = 50; " + SLOW
KILLED = "SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(60)"


def never(seconds: float) -> None:
    raise AssertionError(f"waited {seconds} s for a server that answers")


def failure(server: EmbeddedPostgres, driver: str, statement: str) -> Exception:
    engine = sqlalchemy.create_engine(server.uri("postgres", driver))
    try:
        with pytest.raises(sqlalchemy.exc.OperationalError) as caught, engine.connect() as connection:
            connection.execute(sqlalchemy.text(statement))
    finally:
        engine.dispose()
    return caught.value


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_a_statement_that_took_too_long_is_no_lost_server_and_a_killed_connection_is(
    postgres_server: EmbeddedPostgres, driver: str
) -> None:
    assert not is_service_lost(failure(postgres_server, driver, IMPATIENT))
    assert is_service_lost(failure(postgres_server, driver, KILLED))


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
@pytest.mark.parametrize(
    ("sqlstate", "lost"),
    [("40P01", True), ("40001", True), ("55P03", True), ("53300", True), ("53100", False)],
    ids=["deadlock", "serialization", "lock", "connections", "disk"],
)
def test_what_passes_is_asked_again_and_a_full_disk_is_not(
    postgres_server: EmbeddedPostgres, driver: str, sqlstate: str, lost: bool
) -> None:
    raised = f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{sqlstate}'; END $$"
    assert is_service_lost(failure(postgres_server, driver, raised)) is lost


def test_what_was_raised_from_a_timeout_is_no_lost_server_either(postgres_server: EmbeddedPostgres) -> None:
    wrapped = RuntimeError("MLflow could not do it")
    wrapped.__cause__ = failure(postgres_server, "psycopg2", IMPATIENT)
    assert not is_service_lost(wrapped)


def test_a_server_that_does_not_listen_is_lost() -> None:
    engine = sqlalchemy.create_engine("postgresql+psycopg2://127.0.0.1:1/none")
    with pytest.raises(sqlalchemy.exc.OperationalError) as caught:
        engine.connect()
    assert is_service_lost(caught.value)


def test_a_call_of_the_warehouse_that_took_too_long_fails_at_once_as_what_it_is(warehouse_url: str) -> None:
    warehouse = Warehouse(warehouse_url, sleep=never)
    with psycopg.connect(warehouse_url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET statement_timeout = 50").format(name))
    with pytest.raises(Exception, match="statement timeout") as caught:
        warehouse.frame(sql.SQL(SLOW))
    assert not is_service_lost(caught.value)
    with pytest.raises(psycopg.errors.QueryCanceled), connect(warehouse_url) as connection:
        connection.execute(SLOW)
    with pytest.raises(WarehouseUnavailable), connect(warehouse_url) as connection:
        connection.execute(KILLED)
