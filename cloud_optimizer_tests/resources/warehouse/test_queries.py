"""The analytical queries: each answers its question on data whose answer is worked out by hand."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from cloud_optimizer.resources.warehouse import (
    ACCURACY,
    DRIFT,
    FORECASTS,
    HOURS,
    QUARANTINE,
    Warehouse,
)
from cloud_optimizer_tests.resources.warehouse.frames import rows
from cloud_optimizer_tests.resources.warehouse.query_rows import START, describe, hours, put, table_of


def test_workload_inventory(warehouse: Warehouse) -> None:
    grown = hours("a", 48, lambda _: 1.0).with_columns(
        cpu_capacity_cores=pl.when(pl.col("timestamp").dt.date() > START).then(8.0).otherwise(4.0)
    )
    put(warehouse, {HOURS: pl.concat([grown, hours("b", 48, lambda _: 1.0)])})
    describe(warehouse, workload_id=["a"], owner=["ann"], slo_class=["critical"])
    answer = warehouse.query("workload_inventory", cluster="alpha")
    columns = ["workload_id", "owner", "slo_class", "cpu_capacity_cores", "capacity_since"]
    assert answer.select(columns).rows() == [
        ("a", "ann", "critical", 8.0, START + timedelta(days=1)),
        ("b", None, None, 4.0, START),
    ]
    day_before = warehouse.query("workload_inventory", cluster="alpha", until=START + timedelta(days=1))
    assert day_before["cpu_capacity_cores"].to_list() == [4.0, 4.0]


def test_the_inventory_leaves_out_what_vanished_and_holds_what_is_switched_off(warehouse: Warehouse) -> None:
    off = hours("off", 240, lambda _: 0.0).with_columns(on_count=pl.lit(0, pl.UInt32), off_count=pl.lit(12, pl.UInt32))
    put(warehouse, {HOURS: pl.concat([hours("gone", 48, lambda _: 1.0), hours("here", 240, lambda _: 1.0), off])})
    columns = ["workload_id", "cpu_capacity_cores", "last_seen"]
    last = START + timedelta(days=9)
    now = warehouse.query("workload_inventory").select(columns).rows()
    assert now == [("here", 4.0, last), ("off", None, last)]
    earlier = warehouse.query("workload_inventory", since=START).select(columns).rows()
    assert earlier == [("gone", 4.0, START + timedelta(days=1)), *now]
    assert warehouse.query("workload_inventory", until=START + timedelta(days=5)).height == 3


def test_utilisation_by_service_and_hour(warehouse: Warehouse) -> None:
    put(warehouse, {HOURS: pl.concat([hours("a", 48, lambda h: h % 24 / 8), hours("b", 48, lambda _: 1.0, peak=3)])})
    describe(warehouse, workload_id=["a"], service=["shop"])
    answer = warehouse.query("utilisation_by_service_and_hour", cluster="alpha")
    assert answer.columns == [
        "service",
        "hour_utc",
        "workloads",
        "cpu_utilization",
        "cpu_utilization_peak",
        "memory_utilization",
    ]
    assert answer.height == 48
    # at 16:00 a uses 2 of 4 cores
    assert answer.filter(service="shop", hour_utc=16).row(0) == ("shop", 16, 1, 0.5, 0.5, 0.5)
    assert answer.filter(service="unknown", hour_utc=0).row(0) == ("unknown", 0, 1, 0.25, 0.75, 0.5)


def test_peak_hours(warehouse: Warehouse) -> None:
    put(
        warehouse, {HOURS: pl.concat([hours("a", 24, lambda h: 3.0 if h == 7 else 1.0), hours("b", 24, lambda _: 1.0)])}
    )
    top = warehouse.query("peak_hours", cluster="alpha", limit=2).row(0, named=True)
    assert top["timestamp"] == datetime(2025, 3, 3, 7, tzinfo=UTC)
    assert (top["cpu_cores"], top["cpu_utilization"]) == (4.0, 0.5)
    assert (top["largest_workload"], top["largest_share"]) == ("a", 0.75)


def test_week_over_week(warehouse: Warehouse) -> None:
    put(
        warehouse,
        {HOURS: pl.concat([hours("same", 336, lambda _: 2.0), hours("grows", 336, lambda h: 1.0 if h < 168 else 1.5)])},
    )
    answer = warehouse.query("week_over_week", cluster="alpha")
    assert answer.select("workload_id", "cpu_cores_week_before", "cpu_cores_last_week", "cpu_change").rows() == [
        ("grows", 1.0, 1.5, 0.5),
        ("same", 2.0, 2.0, 0.0),
    ]


def test_idle_workloads(warehouse: Warehouse) -> None:
    put(
        warehouse,
        {HOURS: pl.concat([hours("idle", 24, lambda _: 0.1), hours("busy", 24, lambda h: 2.0 if h == 3 else 0.1)])},
    )
    answer = warehouse.query("idle_workloads", cluster="alpha")
    assert answer.select("workload_id", "on_ratio", "cpu_utilization_peak").rows() == [("idle", 1.0, 0.025)]


def test_correlated_peaks(warehouse: Warehouse) -> None:
    day = [
        hours("a", 48, lambda h: h % 24),
        hours("b", 48, lambda h: 2 * (h % 24) + 1),
        hours("c", 48, lambda h: 23 - h % 24),
    ]
    put(warehouse, {HOURS: pl.concat(day)})
    answer = warehouse.query("correlated_peaks", cluster="alpha").select(
        "workload", "other_workload", "correlation", "hours"
    )
    assert answer.row(0) == ("a", "b", pytest.approx(1.0), 48)
    assert answer["correlation"].to_list()[1:] == pytest.approx([-1.0, -1.0])
    assert warehouse.query("correlated_peaks", cluster="alpha", workloads=2).height == 1


def test_peaks_are_correlated_over_the_hours_that_both_workloads_have(warehouse: Warehouse) -> None:
    level = {"a": lambda h: h % 24, "b": lambda h: h % 24 + (100 if h < 12 else 0), "c": lambda h: h % 24}
    a, b, c = (hours(name, 48, cores) for name, cores in level.items())
    known = pl.when(pl.col("timestamp").dt.hour() < 23).then("cpu_usage_cores_max")
    put(warehouse, {HOURS: pl.concat([a[12:], b.with_columns(cpu_usage_cores_max=known), c[:20]])})
    answer = warehouse.query("correlated_peaks", cluster="alpha")
    # a and b share 34 hours and c too few; both peak at 22:00, at 22 cores: the 112 of b lie before a began
    assert answer.drop("correlation").rows() == [("alpha", "a", "b", 34, 44.0, 1.0)]
    assert answer["correlation"].item() == pytest.approx(1.0)


def test_anomaly_hours(warehouse: Warehouse) -> None:
    # 0 to 4 in turn: median 2, median absolute deviation 1, so 10 cores are (10 - 2) / 1.4826 = 5.396 away
    put(warehouse, {HOURS: hours("a", 100, lambda h: 10.0 if h == 50 else h % 5)}, days=5)
    answer = warehouse.query("anomaly_hours", cluster="alpha", threshold=5)
    assert answer.select("timestamp", "usual_cpu_usage_cores").rows() == [(datetime(2025, 3, 5, 2, tzinfo=UTC), 2.0)]
    assert answer["z_score"][0] == pytest.approx(8 / 1.4826)


def forecast(day: int, demand: float, target: str = "cpu_peak") -> pl.DataFrame:
    origin = datetime(2025, 3, 3, tzinfo=UTC) + timedelta(days=day)
    quantiles = {"q0.1": demand - 1, "q0.5": demand, "q0.9": demand + 1, "q0.95": demand + 2}
    times = [origin + timedelta(hours=hour) for hour in range(24)]
    return table_of(
        FORECASTS, 24, cluster="alpha", workload_id="a", origin=origin, target=target, timestamp=times,
        model="lightgbm", model_version="1", **quantiles,
    )  # fmt: skip


def test_capacity_headroom_uses_the_newest_forecast_only(warehouse: Warehouse) -> None:
    frames = {HOURS: hours("a", 48, lambda _: 1.0), FORECASTS: pl.concat([forecast(1, 9.0), forecast(2, 1.0)])}
    put(warehouse, frames, days=2)
    answer = warehouse.query("capacity_headroom", cluster="alpha")
    assert answer.rows() == [("alpha", "a", "cpu_peak", "lightgbm", 3.0, 4.0, 1.0, 0.25)]


def test_forecast_error_by_horizon(warehouse: Warehouse) -> None:
    frames = {
        HOURS: hours("a", 72, lambda h: 2.0 if h % 24 else 4.0),
        FORECASTS: pl.concat([forecast(1, 3.0), forecast(2, 3.0)]),
    }
    put(warehouse, frames, days=3)
    answer = warehouse.query("forecast_error_by_horizon", cluster="alpha")
    # the first hour has 4 cores against 3: off by 1 of 4; the others 2 against 3: off by 1 of 2
    assert answer.row(0) == ("lightgbm", 1, 2, 0.25, -0.25, 1.0)
    assert answer.row(23) == ("lightgbm", 24, 2, 0.5, 0.5, 1.0)
    assert warehouse.query("forecast_error_by_horizon", cluster="alpha", target="memory_peak").is_empty()


def test_forecast_accuracy_by_model_weighs_by_observations(warehouse: Warehouse) -> None:
    days = [START, START + timedelta(days=1)]
    scores = table_of(
        ACCURACY, 2, cluster="alpha", date=days, target="cpu_peak", model="lightgbm", model_version="1",
        observations=[100, 300], wape=[0.5, 0.1], coverage_80=[0.8, None],
    )  # fmt: skip
    put(warehouse, {ACCURACY: scores, HOURS: hours("a", 48, lambda _: 1.0)})
    row = warehouse.query("forecast_accuracy_by_model").row(0, named=True)
    assert (row["days"], row["observations"], row["wape"], row["coverage_80"], row["mase"]) == (
        2, 400, pytest.approx(0.2), 0.8, None,
    )  # fmt: skip


def test_drift_history(warehouse: Warehouse) -> None:
    drift = table_of(
        DRIFT, 3, cluster="alpha", date=START, kind="data", column=["a", "b", "c"], statistic="psi",
        value=[0.1, 0.6, None], threshold=0.2, drifted=[False, True, False],
    )  # fmt: skip
    put(warehouse, {DRIFT: drift, HOURS: hours("a", 24, lambda _: 1.0)})
    assert warehouse.query("drift_history").rows() == [("alpha", START, "data", 3, 1, pytest.approx(3.0), "b")]


def test_telemetry_completeness(warehouse: Warehouse) -> None:
    frame = hours("a", 24, lambda _: 1.0).with_columns(on_count=pl.lit(9), off_count=pl.lit(1)).cast(HOURS.schema)
    put(
        warehouse, {HOURS: frame, QUARANTINE: rows(QUARANTINE, "alpha", START).with_columns(reason=pl.lit("DUPLICATE"))}
    )
    # 24 hours of 12 slots: 288, of them 216 on and 24 off
    assert warehouse.query("telemetry_completeness").rows() == [
        ("alpha", START, 1, 216, 24, 48, pytest.approx(240 / 288), 2, "DUPLICATE 2")
    ]
