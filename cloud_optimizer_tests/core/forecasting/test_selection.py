"""One forecast out of several champions: each resource by its own, and a name for what was used."""

from datetime import timedelta

import polars as pl

from cloud_optimizer.core.contracts import FORECAST_SCHEMA, QUANTILE_LEVELS, quantile_column
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.selection import champion_forecast, models_of
from cloud_optimizer.core.panel import Panel
from cloud_optimizer_tests.core.evaluation.fakes import Repeating, daily_panel

SETTINGS = ForecastSettings(horizon=3, targets=("cpu_mean", "cpu_peak", "memory_mean"))


def panel() -> Panel:
    base = daily_panel(2)
    values = base["cpu_usage_cores_mean"]
    return base.with_columns({"cpu_usage_cores_max": values + 1, "memory_usage_bytes_mean": values + 100})


def champion(name: str, factor: float = 1.0) -> Repeating:
    return Repeating(name, factor, settings=SETTINGS)


def test_each_resource_is_forecast_by_its_own_champion_and_version() -> None:
    champions = {"cpu": (champion("a"), "3"), "memory": (champion("b", 2.0), "1")}
    data = panel()
    frame = champion_forecast(champions, data, data.end, "web")
    assert frame.schema == FORECAST_SCHEMA
    assert sorted(frame.select("target", "model", "model_version").unique().rows()) == [
        ("cpu_mean", "a", "3"),
        ("cpu_peak", "a", "3"),
        ("memory_mean", "b", "1"),
    ]
    first = frame.filter(pl.col("workload_id") == "w0").group_by("target").agg(pl.col("q0.5").first()).sort("target")
    last = {name: float(values[0, -1]) for name, values in data.columns.items()}
    assert first["q0.5"].to_list() == [
        last["cpu_usage_cores_mean"],
        last["cpu_usage_cores_max"],
        2 * last["memory_usage_bytes_mean"],
    ]


def test_every_workload_has_the_whole_horizon_from_the_origin() -> None:
    data = panel()
    frame = champion_forecast({"cpu": (champion("a"), "1")}, data, data.end, "web")
    assert frame.height == 3 * 2 * 3  # workloads, targets, hours
    assert frame["timestamp"].unique().sort().to_list() == [data.end + timedelta(hours=ahead) for ahead in range(3)]
    assert frame["origin"].unique().to_list() == [data.end]
    assert frame.select(quantile_column(level) for level in QUANTILE_LEVELS).null_count().sum_horizontal().item() == 0


def test_a_resource_without_a_champion_is_not_forecast() -> None:
    data = panel()
    frame = champion_forecast({"memory": (champion("b"), "1")}, data, data.end, "web")
    assert frame["target"].unique().to_list() == ["memory_mean"]
    assert champion_forecast({}, data, data.end, "web").equals(FORECAST_SCHEMA.to_frame())


def test_the_models_behind_a_forecast_are_named_by_resource() -> None:
    data = panel()
    champions = {"memory": (champion("b"), "1"), "cpu": (champion("a"), "3")}
    assert models_of(champion_forecast(champions, data, data.end, "web")) == "cpu: a 3, memory: b 1"
    assert models_of(FORECAST_SCHEMA.to_frame()) == ""
