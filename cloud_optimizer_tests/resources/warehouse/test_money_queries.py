"""The analytical queries about money: prices, costs and savings, each in its own currency, worked out by hand."""

from datetime import date, timedelta

import polars as pl
import pytest

from cloud_optimizer.resources.warehouse import HOURS, REALISED_SAVINGS, Warehouse
from cloud_optimizer.resources.warehouse.dimensions import replace_prices
from cloud_optimizer_tests.resources.warehouse.query_rows import START, describe, hours, put, table_of


def test_top_waste_prices_what_is_never_used(warehouse: Warehouse) -> None:
    put(
        warehouse,
        {HOURS: pl.concat([hours("big", 24, lambda _: 1.0, capacity=16.0), hours("small", 24, lambda _: 1.0)])},
    )
    describe(warehouse, workload_id=["big"], owner=["ann"], core_hour=[0.1], gib_hour=[0.0])
    answer = warehouse.query("top_waste", cluster="alpha", core_hour=0.01, gib_hour=0.001)
    # big: 730 h * 15 cores * .1; small: 730 * (3 * .01 + 4 * .001)
    assert answer.select("workload_id", "owner").rows() == [("big", "ann"), ("small", None)]
    assert answer["unused_monthly_cost"].to_list() == pytest.approx([1095.0, 24.82])


def test_the_most_specific_price_counts(warehouse: Warehouse) -> None:
    put(warehouse, {HOURS: hours("a", 24, lambda _: 3.0)})
    describe(warehouse, workload_id=["a"], sku=["m5"])
    prices = {
        "cluster": [None, "alpha", "alpha"],
        "sku": [None, None, "m5"],
        "core_hour": [1.0, 2.0, 3.0],
        "gib_hour": [0.0] * 3,
    }
    lists = {"list_core_hour": [None] * 3, "list_gib_hour": [None] * 3, "currency": ["USD"] * 3}
    replace_prices(warehouse, pl.DataFrame({**prices, **lists}))
    assert warehouse.query("top_waste", cluster="alpha")["unused_monthly_cost"].to_list() == [730 * 1 * 3.0]


def test_cost_by_owner(warehouse: Warehouse) -> None:
    put(warehouse, {HOURS: pl.concat([hours("a", 24, lambda _: 1.0), hours("b", 24, lambda _: 2.0)])}, days=1)
    describe(warehouse, workload_id=["a"], owner=["ann"], core_hour=[0.5], gib_hour=[0.25])
    day = {"since": START, "until": START + timedelta(days=1)}
    answer = warehouse.query("cost_by_owner", cluster="alpha", core_hour=0.1, gib_hour=0.0, **day)
    # ann: 24 h * (4 * .5 + 8 * .25) = 96, in a month 730 / 24 times as much; b: 24 * 4 * .1
    assert answer.rows() == [
        ("ann", 1, "USD", 96.0, pytest.approx(2920.0), 0.25, 0.5),
        ("unassigned", 1, "USD", pytest.approx(9.6), pytest.approx(292.0), 0.5, 0.5),
    ]


def test_costs_in_different_currencies_are_neither_added_nor_compared(warehouse: Warehouse) -> None:
    put(warehouse, {HOURS: pl.concat([hours(name, 24, lambda _: 1.0) for name in "abcd"])}, days=1)
    describe(
        warehouse, workload_id=["a", "b", "c"], owner=["ann"] * 3, core_hour=[1.0, 300.0, 200.0],
        gib_hour=[0.0, 0.0, None], currency=["EUR", "JPY", "JPY"],
    )  # fmt: skip
    asked = {"since": START, "until": START + timedelta(days=1), "core_hour": 2.0, "gib_hour": 0.0}
    costs = warehouse.query("cost_by_owner", **asked)
    # 24 hours of 4 cores; c has half a price, which is none
    assert costs.select("owner", "workloads", "currency", "cost").rows() == [
        ("ann", 1, "EUR", 96.0),
        ("ann", 1, "JPY", 28800.0),
        ("ann", 1, "USD", 192.0),
        ("unassigned", 1, "USD", 192.0),
    ]
    waste = warehouse.query("top_waste", limit=1, **asked)
    # 730 hours of 3 unused cores, the first of each currency
    assert waste.select("workload_id", "unused_monthly_cost", "currency").rows() == [
        ("a", 2190.0, "EUR"),
        ("b", 657000.0, "JPY"),
        ("c", 4380.0, "USD"),
    ]


@pytest.mark.parametrize(
    ("currencies", "sums"),
    [
        (["EUR"] * 2, [(2, "EUR", 10.0, 7.0, 0.7)]),
        (["EUR", "USD"], [(1, "EUR", 6.0, 3.0, 0.5), (1, "USD", 4.0, 4.0, 1.0)]),
    ],
)
def test_savings_predicted_and_realised(
    warehouse: Warehouse, currencies: list[str], sums: list[tuple[object, ...]]
) -> None:
    saved = table_of(
        REALISED_SAVINGS, 2, cluster="alpha", workload_id="a", recommendation_id=["r1", "r2"], date=START,
        predicted_saving=[6.0, 4.0], realised_saving=[3.0, 4.0], currency=currencies,
    )  # fmt: skip
    put(warehouse, {REALISED_SAVINGS: saved, HOURS: hours("a", 24, lambda _: 1.0)})
    assert warehouse.query("savings_predicted_and_realised").rows() == [
        ("alpha", date(2025, 3, 3), "unassigned", *row) for row in sums
    ]
