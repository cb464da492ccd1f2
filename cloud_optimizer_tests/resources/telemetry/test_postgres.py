"""A query in another database as a source, against a real PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from polars.testing import assert_frame_equal
from psycopg import sql

from cloud_optimizer.core.contracts import DAY, HOUR, SAMPLE_SCHEMA
from cloud_optimizer.core.errors import CloudOptimizerError, InputError
from cloud_optimizer.resources.postgres import EmbeddedPostgres
from cloud_optimizer.resources.telemetry.base import TelemetrySource
from cloud_optimizer.resources.telemetry.postgres import PostgresSettings, PostgresSource
from cloud_optimizer.resources.telemetry.trace import TraceSource

START = datetime(2013, 8, 5, tzinfo=UTC)
TABLE = """
CREATE TABLE metrics (
    taken timestamptz, vm text, cores numeric(9, 3), mhz double precision, used_mhz real, mem_kb bigint, region text
)
"""
QUERY = (
    'SELECT taken AS time, vm, cores AS cpu_cores, mhz AS cpu_capacity_mhz, used_mhz AS "CPU usage [MHZ]", '
    "mem_kb AS memory_usage_kb FROM metrics -- of all machines;\n"
)


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, traces: Path) -> Iterator[str]:
    """A database of someone else with two days of the Bitbrains trace."""
    with psycopg.connect(postgres_server.uri("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE elsewhere")
    address = postgres_server.uri("elsewhere")
    time, columns = pl.col("timestamp"), ("cpu_cores", "cpu_capacity_mhz", "cpu_usage_mhz", "memory_usage_kb")
    rows = pl.read_parquet(traces / "bitbrains_rnd_dev.parquet").filter(
        time.is_between(START, START + 2 * DAY, closed="left")
    )
    text = rows.select("timestamp", "workload_id", *columns, pl.lit("eu").alias("region")).with_columns(
        pl.col("memory_usage_kb").round().cast(pl.Int64)
    )
    with psycopg.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute(TABLE)
        with cursor.copy("COPY metrics FROM STDIN (FORMAT csv)") as copy:
            copy.write(text.write_csv(include_header=False))
    yield address
    with psycopg.connect(postgres_server.uri("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE elsewhere WITH (FORCE)")


def source(url: str, query: str = QUERY, **options: Any) -> PostgresSource:
    return PostgresSource(PostgresSettings(query=query, **options), url)


def test_a_table_under_other_names_reads_like_the_trace_it_came_from(url: str, traces: Path) -> None:
    found: TelemetrySource = source(url, cluster="c")
    trace = TraceSource(traces / "bitbrains_rnd_dev.parquet", cluster="c")
    expected = trace.read("c", START + HOUR, START + DAY).sort("workload_id", "timestamp", maintain_order=True)
    columns = ["workload_id", "timestamp", "cpu_usage_cores", "cpu_capacity_cores"]
    samples = found.read("c", START + HOUR, START + DAY)
    assert samples.schema == SAMPLE_SCHEMA
    assert found.extent("c") == (START, START + 2 * DAY)
    assert found.cadence("c") == timedelta(minutes=5)
    key = ["workload_id", "timestamp", "cpu_usage_cores"]
    assert_frame_equal(samples.select(columns).sort(key), expected.select(columns).sort(key), rel_tol=1e-6)
    assert "cpu_usage_cores = cores x usage MHz / capacity MHz; unknown where the capacity is 0" in found.notes("c")


def test_a_cluster_column_splits_and_a_range_without_rows_is_empty(url: str) -> None:
    query = "SELECT taken, taken AS timestamp, vm, 1 AS cpu_usage_cores, region AS cluster FROM metrics"
    found = source(url, query)
    assert found.clusters() == ("eu",)
    assert found.read("eu", START, START + HOUR)["cluster"].unique().to_list() == ["eu"]
    assert found.read("eu", START - DAY, START).schema == SAMPLE_SCHEMA
    with pytest.raises(InputError, match="the query has no cluster 'us', it has eu"):
        found.read("us", START, START + DAY)


def test_times_without_a_zone_and_dates_are_utc(url: str) -> None:
    for kind in ("timestamp", "date"):
        query = f"SELECT '2026-01-31'::{kind} AS time, 'a' AS vm, 1 AS cpu_usage_cores, 'c' AS cluster"
        found = source(url, query)
        midnight = datetime(2026, 1, 31, tzinfo=UTC)
        assert found.extent("c") == (midnight, midnight + DAY)
        assert found.read("c", midnight, midnight + DAY)["timestamp"].to_list() == [midnight]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("SELECT 1 AS cpu_usage_cores, 'a' AS vm", "the query has no time column: name one of timestamp, time"),
        ("SELECT now() AS time, 1 AS cpu_usage_cores", "the query has no workload column: name one of workload_id"),
        (
            "SELECT '2026'::text AS time, 'a' AS vm, 1 AS cpu_usage_cores",
            r"the query, column time: text is no time, cast it to timestamptz in the query\.",
        ),
        ("SELECT now() AS time, 'a' AS vm, 1 AS cpu_usage_cores WHERE false", r"the query gives no rows\."),
        (
            "SELECT NULL::timestamptz AS time, 'a' AS vm, 1 AS cpu_usage_cores",
            r"the query, column time: a time is missing\.",
        ),
        (
            "SELECT now() AS time, 'a' AS vm, 1 AS cpu_usage_cores, NULL::text AS cluster",
            r"the query, column cluster: a cluster is missing\.",
        ),
        ("SELECT * FROM nowhere", r'the query fails: relation "nowhere" does not exist\.'),
        ("SELEC 1", r'the query fails: syntax error at or near "1"\.'),
        (
            "SELECT 'infinity'::timestamptz AS time, 'a' AS vm, 1 AS cpu_usage_cores",
            "the query fails: timestamp too large",
        ),
    ],
)
def test_a_query_that_cannot_be_used_is_refused_when_it_is_opened(url: str, query: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        source(url, query)


def test_values_are_refused_by_column_and_row(url: str) -> None:
    query = "SELECT now() AS time, 'a' AS vm, 'lots' AS cpu_usage_cores"
    found = source(url, query)
    with pytest.raises(InputError) as caught:
        found.read("postgres", *found.extent("postgres"))
    assert str(caught.value) == "the query, column cpu_usage_cores, row 1: 'lots' is not a number."


def test_the_query_cannot_write(url: str) -> None:
    query = "WITH gone AS (DELETE FROM metrics RETURNING *) SELECT taken AS time, vm, 1 AS cpu_usage_cores FROM gone"
    with pytest.raises(InputError, match="WITH clause containing a data-modifying statement must be at the top level"):
        source(url, query)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM metrics").fetchone() == (True,)


def test_a_query_that_takes_too_long_and_a_server_that_is_away_are_errors(url: str) -> None:
    slow = "SELECT now() AS time, 'a' AS vm, 1 AS cpu_usage_cores FROM pg_sleep(30)"
    with pytest.raises(CloudOptimizerError, match="the query took longer than 1 s"):
        source(url, slow, timeout_seconds=1)
    with pytest.raises(CloudOptimizerError, match="cannot be reached"):
        source("postgresql://postgres@127.0.0.1:1/elsewhere")


def test_hostile_names_stay_values(url: str) -> None:
    name = "'; DROP TABLE metrics; --%s{}"
    query = sql.SQL("SELECT now() AS time, {0} AS vm, 1 AS cpu_usage_cores, {0} AS cluster").format(sql.Literal(name))
    found = source(url, query.as_string())
    assert found.clusters() == (name,)
    assert found.read(name, *found.extent(name))["workload_id"].to_list() == [name]
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('metrics') IS NOT NULL").fetchone() == (True,)
