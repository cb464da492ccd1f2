"""The database holds what the contracts say, and only indexes that its queries use."""

from collections.abc import Iterator

import psycopg
import pytest

from cloud_optimizer.core.costs.ledger import LEDGER_SCHEMA
from cloud_optimizer.core.costs.prices import PRICE_TABLE_SCHEMA
from cloud_optimizer.resources.warehouse import TABLES, Warehouse
from cloud_optimizer.resources.warehouse.dimensions import SPELL_SCHEMA
from cloud_optimizer.resources.warehouse.peaks import PEAK_RISK_MODELS, PEAK_RISKS
from cloud_optimizer.resources.warehouse.reports import COST_REPORTS, POLICY_REPLAYS
from cloud_optimizer.resources.warehouse.tuned import TUNED

COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position"
NULLABLE = "SELECT column_name, is_nullable FROM information_schema.columns WHERE table_name = %s"
INDEXES = """
SELECT tablename, indexname FROM pg_indexes
WHERE schemaname = 'public' AND tablename !~ '_p[0-9]{8}$' AND indexname !~ '_(pkey|key)$'
ORDER BY 1, 2
"""
JUSTIFIED = [
    ("cost_lines", "cost_lines_period"),
    ("forecasts", "forecasts_brin"),
    ("quarantined_metrics", "quarantined_metrics_time"),
    ("raw_workload_metrics", "raw_workload_metrics_brin"),
    ("recommendation_transitions", "recommendation_transitions_of"),
    ("savings_ledger", "savings_ledger_of"),
    ("workload_hours", "workload_hours_series"),
    ("workloads", "workloads_current"),
]


@pytest.fixture
def connection(warehouse: Warehouse) -> Iterator[psycopg.Connection]:
    """Return an open connection to a fresh database."""
    with psycopg.connect(warehouse.url) as opened:
        yield opened


def test_every_table_has_exactly_the_columns_of_its_contract(connection: psycopg.Connection) -> None:
    contracts = {
        table.name: list(table.schema)
        for table in (*TABLES, POLICY_REPLAYS, COST_REPORTS, TUNED, PEAK_RISK_MODELS, PEAK_RISKS)
    }
    contracts |= {
        "savings_ledger": [*LEDGER_SCHEMA, "recorded_at"],
        "workloads": list(SPELL_SCHEMA),
        "prices": list(PRICE_TABLE_SCHEMA),
    }
    found = {name: [row[0] for row in connection.execute(COLUMNS, (name,))] for name in contracts}
    assert {name: sorted(columns) for name, columns in found.items()} == {
        name: sorted(columns) for name, columns in contracts.items()
    }


def test_there_are_no_indexes_beside_keys_and_the_justified_ones(connection: psycopg.Connection) -> None:
    assert connection.execute(INDEXES).fetchall() == JUSTIFIED


def test_feast_has_a_schema_of_its_own(connection: psycopg.Connection) -> None:
    assert connection.execute("SELECT to_regnamespace('feast') IS NOT NULL").fetchone() == (True,)


def test_no_table_takes_a_row_without_cluster_or_day(connection: psycopg.Connection) -> None:
    for table in TABLES:
        found = dict(connection.execute(NULLABLE, (table.name,)).fetchall())
        assert (found["cluster"], found[table.day_column]) == ("NO", "NO")
