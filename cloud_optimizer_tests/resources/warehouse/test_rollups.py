"""Roll-ups follow the hours, forecasts and workloads they are made of, whatever comes first."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from psycopg import sql

from cloud_optimizer.resources.warehouse import FORECASTS, HOURS, Table, Warehouse
from cloud_optimizer.resources.warehouse.dimensions import record_workloads
from cloud_optimizer_tests.resources.warehouse.frames import rows

START = date(2025, 3, 30)
END = START + timedelta(days=4)
ROLLUPS = {
    "workload_days": "cluster, date, workload_id",
    "service_hours": "cluster, timestamp, service",
    "forecast_peaks": "cluster, origin, target, workload_id, model",
    "forecast_errors": "cluster, date, target, model, horizon_hours",
}


def rollups(warehouse: Warehouse) -> dict[str, pl.DataFrame]:
    query = sql.SQL("SELECT * FROM {} ORDER BY {}")
    return {name: warehouse.frame(query.format(sql.Identifier(name), sql.SQL(key))) for name, key in ROLLUPS.items()}


def frames() -> dict[Table, pl.DataFrame]:
    """Return four days of hours, and forecasts of two of those days, a row a day."""
    forecasts = rows(FORECASTS, "alpha", START, days=2)
    return {
        HOURS: rows(HOURS, "alpha", START, days=4),
        FORECASTS: forecasts.with_columns(target=pl.lit("cpu_mean"), timestamp=pl.col("origin") + pl.duration(hours=1)),
    }


@pytest.fixture
def expected(warehouse: Warehouse) -> dict[str, pl.DataFrame]:
    """Return the roll-ups of one clean load."""
    warehouse.replace("alpha", START, END, frames())
    found = rollups(warehouse)
    assert {name: frame.height for name, frame in found.items()} == {
        "workload_days": 8,
        "service_hours": 4,
        "forecast_peaks": 4,
        "forecast_errors": 2,
    }
    warehouse.replace("alpha", START, END, {table: frame.clear() for table, frame in frames().items()})
    assert all(frame.is_empty() for frame in rollups(warehouse).values())
    return found


@pytest.mark.parametrize("order", [[HOURS, FORECASTS], [FORECASTS, HOURS]], ids=["hours first", "forecasts first"])
def test_the_order_of_loading_does_not_matter_nor_loading_day_by_day_and_again(
    warehouse: Warehouse, expected: dict[str, pl.DataFrame], order: list[Table]
) -> None:
    for table in order:
        for _ in range(2):
            for number in range(4):
                day, after = START + timedelta(days=number), START + timedelta(days=number + 1)
                part = frames()[table].filter(table.day() == day)
                warehouse.replace("alpha", day, after, {table: part})
    for name, frame in rollups(warehouse).items():
        assert_frame_equal(frame, expected[name])


def test_hours_belong_to_the_service_of_their_time_even_when_it_becomes_known_later(warehouse: Warehouse) -> None:
    warehouse.replace("alpha", START, END, frames())
    assert set(rollups(warehouse)["service_hours"]["service"]) == {"unknown"}
    for day, service in ((10, "shop"), (0, "shop"), (2, "search")):
        known = pl.DataFrame({"cluster": ["alpha"] * 2, "workload_id": ["w0", "w1"], "service": [service] * 2})
        record_workloads(warehouse, known, datetime(2025, 3, 30, tzinfo=UTC) + timedelta(days=day))
    services = rollups(warehouse)["service_hours"]["service"].to_list()
    assert services == ["shop", "shop", "search", "search"]


def test_loading_a_cluster_leaves_the_rollups_of_another_alone(warehouse: Warehouse) -> None:
    warehouse.replace("beta", START, END, {HOURS: rows(HOURS, "beta", START, days=4)})
    before = rollups(warehouse)
    warehouse.replace("alpha", START, END, frames())
    warehouse.replace("alpha", START, END, {HOURS: frames()[HOURS].clear()})
    assert_frame_equal(rollups(warehouse)["workload_days"], before["workload_days"])
    assert_frame_equal(rollups(warehouse)["service_hours"], before["service_hours"])
