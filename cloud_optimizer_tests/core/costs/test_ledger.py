"""The ledger: predicted against realised savings, nothing counted twice, rollbacks end the credit."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from cloud_optimizer.core.contracts import ROLLUP_SCHEMA
from cloud_optimizer.core.costs.ledger import LEDGER_SCHEMA, realised, realised_by_day, record_applied, record_rollback
from cloud_optimizer.core.costs.prices import WORKLOAD_PRICE_SCHEMA
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.records import RECOMMENDATION_SCHEMA

START = datetime(2026, 3, 1, tzinfo=UTC)
GIB = 2.0**30
PRICES = pl.DataFrame([("shop", "web", 1.0, 0.1, 1.0, 0.1, "EUR")], schema=WORKLOAD_PRICE_SCHEMA, orient="row")


def change(identity: str, cores: tuple[float, float], memory: tuple[float, float] = (4 * GIB, 4 * GIB)) -> pl.DataFrame:
    row = {
        "recommendation_id": identity,
        "cluster": "shop",
        "workload_id": "web",
        "owner": "team-a",
        "currency": "EUR",
        "current_cpu_cores": cores[0],
        "recommended_cpu_cores": cores[1],
        "current_memory_bytes": memory[0],
        "recommended_memory_bytes": memory[1],
        "monthly_saving": 730.0 * (cores[0] - cores[1]),
    }
    return pl.DataFrame([{name: row.get(name) for name in RECOMMENDATION_SCHEMA}], schema=RECOMMENDATION_SCHEMA)


def hours(capacity: list[float | None], on: list[int] | None = None) -> pl.DataFrame:
    rows = [
        {
            "cluster": "shop",
            "workload_id": "web",
            "timestamp": START + timedelta(hours=index),
            "on_count": 12 if on is None else on[index],
            "expected_count": 12,
            "cpu_capacity_cores": cores,
            "memory_capacity_bytes": 4 * GIB,
            "cpu_usage_cores_max": 1.0,
        }
        for index, cores in enumerate(capacity)
    ]
    return pl.DataFrame(rows, schema=ROLLUP_SCHEMA)


def applied(*changes: tuple[str, tuple[float, float], int]) -> pl.DataFrame:
    ledger = LEDGER_SCHEMA.to_frame()
    for identity, cores, hour in changes:
        ledger = record_applied(ledger, change(identity, cores), PRICES, START + timedelta(hours=hour), "operator")
    return ledger


def test_an_hour_saves_the_capacity_that_is_gone() -> None:
    # applied after hour 2; then 2 of 4 cores for 3 hours, one of them half on: 2 * (1 + 1 + .5) = 5
    result = realised(applied(("r1", (4.0, 2.0), 2)), hours([4.0, 4.0, 2.0, 2.0, 2.0], [12, 12, 12, 12, 6]))
    row = result.row(0, named=True)
    assert (row["hours"], row["predicted_saving"], row["realised_saving"]) == (2.5, 5.0, 5.0)
    assert (row["realisation_ratio"], row["status"]) == (1.0, "in_force")


def test_a_change_that_was_not_carried_out_saves_nothing() -> None:
    row = realised(applied(("r1", (4.0, 2.0), 0)), hours([4.0, 4.0])).row(0, named=True)
    assert (row["predicted_saving"], row["realised_saving"], row["realisation_ratio"]) == (4.0, 0.0, 0.0)


def test_steps_that_follow_each_other_add_up_to_the_whole_saving() -> None:
    ledger = applied(("r1", (8.0, 4.0), 0), ("r2", (4.0, 1.0), 2))
    result = realised(ledger, hours([4.0, 4.0, 1.0, 1.0]))
    # r1: 4 cores for 4 hours = 16; r2: 3 cores for 2 hours = 6; in all 8 * 4 - (4 + 4 + 1 + 1) = 22
    assert result["realised_saving"].to_list() == [16.0, 6.0]
    assert result["status"].to_list() == ["superseded", "in_force"]


def test_days_add_up_to_the_whole() -> None:
    ledger, seen = applied(("r1", (8.0, 4.0), 0), ("r2", (4.0, 1.0), 30)), hours([4.0] * 30 + [1.0] * 30)
    days = realised_by_day(ledger, seen)
    assert days.select("recommendation_id", "date").rows() == [
        (name, START.date() + timedelta(days=day))
        for name, day in (("r1", 0), ("r1", 1), ("r2", 1), ("r1", 2), ("r2", 2))
    ]
    by_entry = days.group_by("recommendation_id").agg(pl.col("realised_saving").sum()).sort("recommendation_id")
    assert by_entry["realised_saving"].to_list() == realised(ledger, seen)["realised_saving"].to_list() == [240.0, 90.0]


def test_hours_without_telemetry_count_for_neither_side() -> None:
    row = realised(applied(("r1", (4.0, 2.0), 0)), hours([2.0, None, 2.0])).row(0, named=True)
    assert (row["hours"], row["predicted_saving"], row["realised_saving"]) == (2.0, 4.0, 4.0)


def test_hours_at_the_capacity_are_counted_as_short() -> None:
    row = realised(applied(("r1", (4.0, 1.0), 0)), hours([1.0, 1.0, 2.0])).row(0, named=True)
    assert (row["short_hours_cpu"], row["short_hours_memory"]) == (2.0, 0.0)


def test_a_rollback_ends_the_saving_and_keeps_its_reason() -> None:
    ledger = record_rollback(applied(("r1", (4.0, 2.0), 0)), "r1", START + timedelta(hours=1), "oncall", "latency")
    row = realised(ledger, hours([2.0, 4.0])).row(0, named=True)
    assert (row["hours"], row["realised_saving"], row["status"]) == (1.0, 2.0, "reverted")
    assert ledger["revert_reason"].to_list() == ["latency"]


def test_a_rollback_of_what_was_never_applied_or_taken_back_already_is_refused() -> None:
    ledger = applied(("r1", (4.0, 2.0), 1))
    with pytest.raises(InputError, match="never recorded"):
        record_rollback(ledger, "r9", START, "oncall", "latency")
    with pytest.raises(InputError, match="before it was applied"):
        record_rollback(ledger, "r1", START, "oncall", "latency")
    reverted = record_rollback(ledger, "r1", START + timedelta(hours=2), "oncall", "latency")
    with pytest.raises(InputError, match="already"):
        record_rollback(reverted, "r1", START + timedelta(hours=3), "oncall", "latency")


def test_recording_the_same_application_twice_changes_nothing() -> None:
    once = applied(("r1", (4.0, 2.0), 0))
    assert record_applied(once, change("r1", (4.0, 2.0)), PRICES, START + timedelta(hours=5), "operator").equals(once)


def test_a_promise_in_another_currency_than_the_prices_is_refused_with_the_way_out() -> None:
    promised = change("r1", (4.0, 2.0)).with_columns(currency=pl.lit("USD"))
    with pytest.raises(InputError, match="r1 promises a saving in USD, and prices of workload web were in EUR") as told:
        record_applied(LEDGER_SCHEMA.to_frame(), promised, PRICES, START, "operator")
    way_out = "dismiss it and apply a newer one, or load the workload's core_hour and gib_hour in USD, --since"
    assert f"{way_out} 2026-03-01T00:00:00, then record its change." in str(told.value)


def test_an_application_without_a_price_is_refused() -> None:
    with pytest.raises(InputError, match="web has no price"):
        record_applied(LEDGER_SCHEMA.to_frame(), change("r1", (4.0, 2.0)), PRICES.clear(), START, "operator")
