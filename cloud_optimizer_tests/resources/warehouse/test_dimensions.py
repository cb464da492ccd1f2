"""Workloads over time, and prices."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from psycopg import sql

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.warehouse import HOURS, Warehouse
from cloud_optimizer.resources.warehouse.dimensions import (
    WORKLOAD_SCHEMA,
    read_prices,
    read_workloads,
    record_workloads,
    replace_prices,
)
from cloud_optimizer_tests.resources.warehouse.frames import rows

ALL_SPELLS = sql.SQL(
    "SELECT extract(day FROM valid_from)::int AS first, extract(day FROM valid_to)::int AS last, owner"
    " FROM workloads ORDER BY valid_from"
)

CAPACITIES = sql.SQL(
    "SELECT extract(day FROM valid_from)::int AS first, extract(day FROM valid_to)::int AS last, cpu_capacity_cores"
    " FROM workload_capacities ORDER BY valid_from"
)


def day(number: int) -> datetime:
    return datetime(2025, 1, number, tzinfo=UTC)


def owned_by(owner: str | None, workload: str = "w") -> pl.DataFrame:
    return pl.DataFrame(
        {"cluster": ["alpha"], "workload_id": [workload], "owner": [owner], "core_hour": [float("nan")]}
    )


def spells(warehouse: Warehouse) -> list[tuple[int, int | None, str]]:
    return warehouse.frame(ALL_SPELLS).rows()


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([(1, "a"), (5, "a"), (9, "b")], [(1, 5, "a"), (5, 9, "a"), (9, None, "b")]),  # the same again is told as well
        ([(1, "a"), (5, "a"), (1, "c")], [(1, 5, "c"), (5, None, "a")]),  # and stays when the time before is corrected
        ([(5, "b"), (1, "a")], [(1, 5, "a"), (5, None, "b")]),  # an older fact reaches up to the newer one
        ([(1, "a"), (9, "c"), (5, "b")], [(1, 5, "a"), (5, 9, "b"), (9, None, "c")]),  # one in the middle splits
        ([(1, "a"), (9, "b"), (1, "c")], [(1, 9, "c"), (9, None, "b")]),  # a correction at its own time replaces
        ([(5, "b"), (9, None)], [(5, 9, "b"), (9, None, None)]),  # nobody any more
    ],
)
def test_spells_follow_from_what_was_known_when_in_any_order(
    warehouse: Warehouse, known: list[tuple[int, str | None]], expected: list[tuple[int, int | None, str | None]]
) -> None:
    for number, owner in known:
        record_workloads(warehouse, owned_by(owner), day(number))
    assert spells(warehouse) == expected
    for number, owner in known[-1:]:
        record_workloads(warehouse, owned_by(owner), day(number))
    assert spells(warehouse) == expected


def test_what_held_at_a_time_is_read_with_unknown_as_null(warehouse: Warehouse) -> None:
    record_workloads(warehouse, pl.concat([owned_by("a", "w2"), owned_by("a", "w1")]), day(1))
    record_workloads(warehouse, owned_by("b", "w1"), day(5))
    for number in (4, 1):
        assert read_workloads(warehouse, "alpha", day(number))["owner"].to_list() == ["a", "a"]
    before = datetime(2024, 6, 1, tzinfo=UTC)  # the first that is known counts for the time before
    assert read_workloads(warehouse, "alpha", before)["owner"].to_list() == ["a", "a"]
    now = read_workloads(warehouse, "alpha", day(6))
    assert now.select("workload_id", "owner").rows() == [("w1", "b"), ("w2", "a")]
    assert now["core_hour"].to_list() == [None, None]
    assert now.schema == WORKLOAD_SCHEMA
    assert read_workloads(warehouse, "beta", day(6)).is_empty()


def test_what_is_not_told_stays_as_it_is_known(warehouse: Warehouse) -> None:
    record_workloads(warehouse, owned_by("a"), day(1))
    limits = pl.DataFrame({"cluster": ["alpha"], "workload_id": ["w"], "maintenance_weekday": [3], "headroom": [0.2]})
    record_workloads(warehouse, limits, day(3))
    facts = ["owner", "maintenance_weekday", "headroom"]
    assert read_workloads(warehouse, "alpha", day(2)).select(facts).row(0) == ("a", None, None)
    assert read_workloads(warehouse, "alpha", day(4)).select(facts).row(0) == ("a", 3, 0.2)


def test_capacity_over_time_follows_the_telemetry_and_its_corrections(warehouse: Warehouse) -> None:
    def load(number: int, cores: float) -> None:
        when = day(number).date()
        hours = rows(HOURS, "alpha", when, workloads=1).with_columns(cpu_capacity_cores=pl.lit(cores))
        warehouse.replace("alpha", when, when + timedelta(days=1), {HOURS: hours})

    for number, cores in ((1, 4.0), (2, 4.0), (3, 8.0), (4, 8.0)):
        load(number, cores)
    assert warehouse.frame(CAPACITIES).rows() == [(1, 3, 4.0), (3, None, 8.0)]
    load(3, 4.0)
    assert warehouse.frame(CAPACITIES).rows() == [(1, 4, 4.0), (4, None, 8.0)]


def test_names_and_duplicates_are_checked(warehouse: Warehouse) -> None:
    with pytest.raises(InputError, match="workload"):
        record_workloads(warehouse, owned_by("a", "nul\0"), day(1))
    with pytest.raises(ValueError, match="two rows"):
        record_workloads(warehouse, pl.concat([owned_by("a"), owned_by("b")]), day(1))


def test_prices_are_replaced_as_a_whole(warehouse: Warehouse) -> None:
    def table(cluster: str | None, price: float) -> pl.DataFrame:
        columns = ("core_hour", "gib_hour", "list_core_hour", "list_gib_hour")
        return pl.DataFrame(
            {"cluster": [cluster], "sku": [None], **{name: [price] for name in columns}, "currency": ["EUR"]}
        )

    replace_prices(warehouse, table("alpha", 1.0))
    replace_prices(warehouse, table(None, 2.0))
    assert read_prices(warehouse).rows() == [(None, None, 2.0, 2.0, 2.0, 2.0, "EUR")]
