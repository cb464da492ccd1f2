"""Workloads over time, and prices."""

from datetime import UTC, datetime

import polars as pl
import pytest
from psycopg import sql

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.resources.warehouse.dimensions import (
    WORKLOAD_SCHEMA,
    read_prices,
    read_workloads,
    record_workloads,
    replace_prices,
)

ALL_SPELLS = sql.SQL(
    "SELECT extract(day FROM valid_from)::int AS first, extract(day FROM valid_to)::int AS last, owner"
    " FROM workloads ORDER BY valid_from"
)


def day(number: int) -> datetime:
    return datetime(2025, 1, number, tzinfo=UTC)


def owned_by(owner: str, workload: str = "w") -> pl.DataFrame:
    return pl.DataFrame(
        {"cluster": ["alpha"], "workload_id": [workload], "owner": [owner], "core_hour": [float("nan")]}
    )


def spells(warehouse: Warehouse) -> list[tuple[int, int | None, str]]:
    return warehouse.frame(ALL_SPELLS).rows()


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([(1, "a"), (5, "a"), (9, "b")], [(1, 9, "a"), (9, None, "b")]),  # the same again is the same spell
        ([(5, "b"), (1, "a")], [(1, 5, "a"), (5, None, "b")]),  # an older fact reaches up to the newer one
        ([(1, "a"), (9, "c"), (5, "b")], [(1, 5, "a"), (5, 9, "b"), (9, None, "c")]),  # one in the middle splits
        ([(1, "a"), (9, "b"), (1, "c")], [(1, 9, "c"), (9, None, "b")]),  # a correction at its own time replaces
    ],
)
def test_spells_follow_from_what_was_known_when_in_any_order(
    warehouse: Warehouse, known: list[tuple[int, str]], expected: list[tuple[int, int | None, str]]
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
    assert read_workloads(warehouse, "alpha", day(4))["owner"].to_list() == ["a", "a"]
    now = read_workloads(warehouse, "alpha", day(6))
    assert now.select("workload_id", "owner").rows() == [("w1", "b"), ("w2", "a")]
    assert now["core_hour"].to_list() == [None, None]
    assert now.schema == WORKLOAD_SCHEMA
    assert read_workloads(warehouse, "beta", day(6)).is_empty()


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
