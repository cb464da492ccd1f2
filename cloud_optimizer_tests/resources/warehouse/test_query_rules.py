"""What holds for every query: types, psql, roll-ups only, and one sentence for what cannot be asked."""

import math
import subprocess
from datetime import timedelta

import polars as pl
import pytest

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.postgres.server_process import binaries
from cloud_optimizer.resources.postgres.sql_files import QUERIES, SQL_FOLDER
from cloud_optimizer.resources.warehouse import (
    HOURS,
    Warehouse,
    query_names,
)
from cloud_optimizer.resources.warehouse.queries import find_query
from cloud_optimizer_tests.resources.warehouse.query_rows import START, hours, put

TEXTS = {
    "cluster", "workload_id", "workload", "other_workload", "largest_workload", "service", "owner",
    "target", "model", "kind", "worst_column", "reasons", "slo_class", "sku", "currency",
}  # fmt: skip


def test_every_query_answers_nothing_on_an_empty_warehouse_in_types_that_people_can_use(warehouse: Warehouse) -> None:
    plain = {pl.String(), pl.Float64(), pl.Int64(), pl.Int32(), pl.Date(), UTC_TIMESTAMP}
    for name in query_names():
        answer = warehouse.query(name, cluster="'; DROP TABLE loads; --")
        assert answer.is_empty()
        assert set(answer.dtypes) <= plain
        # a number of PostgreSQL's exact type would arrive as text
        texts = {column for column, dtype in answer.schema.items() if dtype == pl.String}
        assert texts <= TEXTS
    assert warehouse.query(name).is_empty()


def test_every_query_runs_in_psql_as_it_is(warehouse: Warehouse) -> None:
    given = {"cluster": "it's", "since": "2025-03-03", "until": "2025-03-10"}
    psql = [str(binaries() / "psql"), warehouse.url, "-q", "-v", "ON_ERROR_STOP=1"]
    for name in query_names():
        query = find_query(name)
        values = [f"{key}={given.get(key) or query.defaults[key]}" for key in query.parameters]
        command = [*psql, *(text for value in values for text in ("-v", value)), "-f", str(QUERIES / f"{name}.sql")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert "(0 rows)" in done.stdout


def test_no_query_reads_samples() -> None:
    assert len(query_names()) >= 12
    for name, question in query_names().items():
        assert question.endswith("?")
        assert f"| `{name}` | {question} |" in (SQL_FOLDER.parents[1] / "docs/warehouse.md").read_text("utf-8")
        text = find_query(name).text
        assert "raw_workload_metrics" not in text
        assert "FROM workload_metrics" not in text


def test_without_a_cluster_all_are_asked(warehouse: Warehouse) -> None:
    put(warehouse, {HOURS: hours("a", 24, lambda _: 0.1)})
    beta = hours("b", 24, lambda _: 0.1).with_columns(cluster=pl.lit("beta"))
    warehouse.replace("beta", START, START + timedelta(days=1), {HOURS: beta})
    assert warehouse.query("idle_workloads")["cluster"].to_list() == ["alpha", "beta"]
    assert warehouse.query("idle_workloads", cluster="beta")["cluster"].to_list() == ["beta"]


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("top_wast", {}, "no query 'top_wast': choose from anomaly_hours"),
        ("top_waste", {"clutser": "x"}, "no parameter clutser: it has cluster"),
        ("top_waste", {"limit": "many"}, "limit .* give a number"),
        ("top_waste", {"limit": math.nan}, "limit .* give a number"),
        ("top_waste", {"since": "yesterday"}, "since is 'yesterday': give a day"),
        ("top_waste", {"cluster": "a|b"}, "cluster name"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_sentence(
    warehouse: Warehouse, name: str, parameters: dict[str, object], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        warehouse.query(name, **parameters)
