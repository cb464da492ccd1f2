"""The rows that a run prints: highest savings, highest risks, sums."""

import numpy as np
import polars as pl

from cloud_optimizer.core.recommendations.recommend import recommend
from cloud_optimizer.core.recommendations.summary import top_risks, top_savings, totals
from cloud_optimizer.core.records import RECOMMENDATION_SCHEMA
from cloud_optimizer_tests.core.recommendations.fleet import inputs, rollup

LEVELS = {"small": 0.2, "middle": 1.5, "full": 4.0, "new": 0.5}


def fleet() -> pl.DataFrame:
    frames = [
        rollup(name, np.full(4 if name == "new" else 14 * 24, level), cpu_usage_cores_max=min(level * 1.2, 4.0))
        for name, level in LEVELS.items()
    ]
    return recommend(inputs(pl.concat(frames)))


def test_savings_come_highest_first_and_increases_are_none() -> None:
    table = top_savings(fleet(), 10)
    assert table["workload_id"].to_list() == ["small", "middle"]
    assert table["monthly_saving"].is_sorted(descending=True)
    assert top_savings(fleet(), 1)["workload_id"].to_list() == ["small"]


def test_savings_in_different_currencies_are_not_compared() -> None:
    in_yen = pl.when(pl.col("workload_id") == "middle").then(pl.lit("JPY")).otherwise("currency")
    table = top_savings(fleet().with_columns(currency=in_yen), 1)
    assert table.select("workload_id", "currency").rows() == [("middle", "JPY"), ("small", "USD")]


def test_risks_come_from_the_present_size_with_what_removing_them_costs() -> None:
    table = top_risks(fleet(), 10)
    first = table.row(0, named=True)
    assert first["workload_id"] == "full"
    assert first["risk_before"] > first["risk_after"]
    assert first["monthly_saving"] < 0


def test_the_sums_hold_every_workload_once() -> None:
    records = fleet()
    row = totals(pl.concat([records, records])).row(0, named=True)
    assert row["workloads"] == 4
    assert (row["InsufficientData"], row["Underprovisioned"], row["Overprovisioned"]) == (1, 1, 2)
    assert row["monthly_saving"] == records["monthly_saving"].sum()


def test_nothing_gives_empty_tables() -> None:
    nothing = RECOMMENDATION_SCHEMA.to_frame()
    assert [table.height for table in (top_savings(nothing), top_risks(nothing), totals(nothing))] == [0, 0, 0]
