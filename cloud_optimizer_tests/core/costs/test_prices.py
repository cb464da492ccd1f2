"""Prices: the most specific one wins, and a size costs what the arithmetic says."""

import polars as pl
import pytest

from cloud_optimizer.core.costs.prices import PRICE_TABLE_SCHEMA, PriceSettings, monthly_cost, workload_prices
from cloud_optimizer.core.errors import InputError

GIB = 2.0**30


def table(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=PRICE_TABLE_SCHEMA, orient="row")


def test_a_month_is_730_hours_of_cores_and_gib() -> None:
    sizes = pl.DataFrame(
        {"cpu": [2.0, None, None], "memory": [8 * GIB, 4 * GIB, None]}, schema_overrides={"cpu": pl.Float64}
    )
    cost = sizes.select(monthly_cost(pl.col("cpu"), pl.col("memory"), pl.lit(0.0316), pl.lit(0.0042))).to_series()
    # 730 * (2 * .0316 + 8 * .0042) = 730 * .0968 = 70.664; 730 * 4 * .0042 = 12.264; nothing known costs unknown
    assert cost.to_list() == pytest.approx([70.664, 12.264, None])


def test_the_most_specific_row_of_the_table_prices_a_workload() -> None:
    workloads = pl.DataFrame(
        {"cluster": ["eu", "eu", "us", "us"], "workload_id": ["a", "b", "c", "d"], "sku": ["arm", None, "arm", None]}
    )
    prices = table(
        ("eu", "arm", 1.0, 0.1, 2.0, 0.2, "EUR"),
        ("eu", None, 3.0, 0.3, None, None, "EUR"),
        (None, "arm", 5.0, 0.5, None, None, None),
    )
    resolved = workload_prices(workloads, prices, PriceSettings(core_hour=9.0, gib_hour=0.9, list_core_hour=10.0))
    assert resolved["workload_id"].to_list() == ["a", "b", "c", "d"]
    assert resolved["core_hour"].to_list() == [1.0, 3.0, 5.0, 9.0]
    assert resolved["list_core_hour"].to_list() == [2.0, 3.0, 5.0, 10.0]
    assert resolved["list_gib_hour"].to_list() == [0.2, 0.3, 0.5, 0.9]
    assert resolved["currency"].to_list() == ["EUR", "EUR", "USD", "USD"]


def test_a_price_of_its_own_is_the_most_specific_one_and_half_a_price_is_none() -> None:
    own = {
        "cluster": ["eu", "eu", "eu"],
        "workload_id": ["a", "b", "c"],
        "sku": ["arm", "arm", "arm"],
        "core_hour": [0.5, 0.6, None],
        "gib_hour": [0.05, None, None],
        "list_core_hour": [0.7, None, None],
        "list_gib_hour": [None, None, None],
        "currency": ["GBP", "GBP", None],
    }
    workloads = pl.DataFrame(own, schema_overrides={"list_gib_hour": pl.Float64})
    resolved = workload_prices(workloads, table(("eu", "arm", 1.0, 0.1, None, None, "EUR")), PriceSettings())
    assert resolved.row(0)[2:] == (0.5, 0.05, 0.7, 0.05, "GBP")
    assert resolved["core_hour"].to_list()[1:] == [1.0, 1.0]


def test_a_row_for_everything_replaces_the_default() -> None:
    workloads = pl.DataFrame({"cluster": ["eu"], "workload_id": ["a"]})
    resolved = workload_prices(workloads, table((None, None, 7.0, 0.7, None, None, None)), PriceSettings())
    assert resolved["core_hour"].to_list() == [7.0]


def test_two_rows_with_the_same_name_are_refused() -> None:
    row = ("eu", None, 1.0, 0.1, None, None, "EUR")
    with pytest.raises(InputError, match="cluster eu and SKU any twice"):
        workload_prices(pl.DataFrame({"cluster": ["eu"], "workload_id": ["a"]}), table(row, row), PriceSettings())


@pytest.mark.parametrize("prices", [(None, 0.1), (1.0, None), (-1.0, 0.1)])
def test_half_a_price_and_a_negative_one_are_refused(prices: tuple[float | None, float | None]) -> None:
    with pytest.raises(InputError, match="give both, 0 or more"):
        workload_prices(
            pl.DataFrame({"cluster": ["eu"], "workload_id": ["a"]}),
            table(("eu", None, *prices, None, None, "EUR")),
            PriceSettings(),
        )
