"""Scores of families and other tools as figures, on a made-up fleet."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from benchmarks.model_accuracy import HOURLY, accuracy_tables, champions, goals, machines_outside, score
from benchmarks.model_peers import gapless, long_frame
from benchmarks.model_speed import enlarged, fit_speed, predict_speed, time_and_memory
from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.evaluation.backtest import BacktestResult
from cloud_optimizer.core.evaluation.settings import BacktestSettings
from cloud_optimizer.core.forecasting.contract import ForecastSettings, QuantileForecast
from cloud_optimizer.core.forecasting.families import FORECASTERS
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.training import Frozen

START = datetime(2026, 1, 5, tzinfo=UTC)
FAMILIES = ("seasonal_naive", "last_value")
QUIET = Console(quiet=True)


class Wasteful(Frozen):
    """A fitted model that holds a quarter of a GiB while it forecasts."""

    def predict(self, panel: Panel, origin: datetime) -> QuantileForecast:
        held = np.ones(2**28, dtype=np.uint8)
        forecast = self.fitted.predict(panel, origin)
        assert held.all()
        return forecast


@pytest.fixture(scope="module")
def panel() -> Panel:
    random = np.random.default_rng(3)
    rhythm = 2 + np.sin(2 * np.pi * np.arange(35 * 24) / 24)
    usage = (rhythm * random.gamma(40, 0.025, (3, rhythm.size))).astype(np.float32)
    usage[0, 100:110] = np.nan
    columns = {"cpu_usage_cores_mean": usage, "cpu_usage_cores_max": 2 * usage}
    columns["cpu_capacity_cores"] = np.full_like(usage, 8)
    return Panel(("a", "b", "c"), START, HOUR, columns)


@pytest.fixture(scope="module")
def result(panel: Panel) -> BacktestResult:
    settings = BacktestSettings(forecast=ForecastSettings(targets=("cpu_mean",)), origins=3)
    return score(panel, FAMILIES, ["mlforecast"], settings, QUIET)


def test_families_tools_and_naive_forecasts_stand_in_one_table_best_first(result: BacktestResult) -> None:
    (table,) = accuracy_tables(result, HOURLY)
    assert table.title == "Accuracy, hourly: cpu_mean (3 origins, 3 machines)"
    rows = {row[0]: dict(zip(table.header, row, strict=True)) for row in table.rows}
    assert {"seasonal_naive", "last_value", "mlforecast", "naive_past_day_mean"} <= set(rows)
    wape = [float(row["WAPE"]) for row in rows.values()]
    assert wape == sorted(wape)
    assert float(rows["mlforecast"]["WAPE"]) < float(rows["last_value"]["WAPE"])  # it knows the hour
    assert rows["mlforecast"]["in 80 %"] == ""  # of a point there is none
    assert 0.5 < float(rows["seasonal_naive"]["in 80 %"]) <= 1


def test_the_champion_has_the_lowest_quantile_loss_and_is_put_beside_the_naive_ones(result: BacktestResult) -> None:
    assert champions(result.summary) == {"cpu": "seasonal_naive"}
    found = {measure.measure: measure for measure in goals(result, HOURLY)}
    ratio = found["hourly, cpu_mean, seasonal_naive: pooled WAPE / mlforecast's"]
    scores = dict(result.summary.select("model", "wape").iter_rows())
    assert ratio.value == pytest.approx(scores["seasonal_naive"] / scores["mlforecast"])
    assert ratio.holds == (ratio.value <= 1)


def test_a_fleet_is_the_same_machines_again_at_other_scales(panel: Panel) -> None:
    fleet = enlarged(panel, 7)
    assert fleet["cpu_usage_cores_max"].shape == (7, panel.length)
    shape = fleet["cpu_usage_cores_max"][4] / panel["cpu_usage_cores_max"][1]
    assert np.ptp(shape) < 1e-4 * shape.mean()


def test_machines_outside_are_those_not_in_the_trace(panel: Panel) -> None:
    assert machines_outside(panel, panel.rows([1]), every=1).workload_ids == ("a", "c")
    halves = [machines_outside(panel, panel.rows([1]), every=2, first=first).workload_ids for first in (0, 1)]
    assert halves == [("a",), ("c",)]


def test_speeds_are_rates_and_ratios_to_the_peer_of_the_same_run(panel: Panel) -> None:
    settings = ForecastSettings()
    rate, growth, memory = predict_speed(panel, ["seasonal_naive"], 20, settings, QUIET)
    assert (rate.unit, rate.holds) == ("workload-hours/s", rate.value >= 50_000)
    assert growth.holds == (growth.value <= 11)
    assert memory.holds == (memory.value <= 0.5)
    peer, own, ratio = fit_speed(panel, ["seasonal_naive"], 2_000, 1, settings, QUIET)
    assert ratio.value == pytest.approx(own.value / peer.value)


def test_memory_beyond_the_result_is_what_a_forecast_held_at_once(panel: Panel) -> None:
    fleet = enlarged(panel, 4)
    fitted = FORECASTERS["seasonal_naive"]().fit(panel, ForecastSettings(targets=("cpu_peak",)))
    frugal = time_and_memory(fitted, fleet, 1.0)[1]
    assert frugal < 0.05
    assert time_and_memory(Wasteful("wasteful", fitted), fleet, 1.0)[1] == pytest.approx(0.25 + frugal, abs=0.05)


def test_tools_get_series_without_gaps_that_end_where_they_should() -> None:
    values = np.array([[np.nan, 1.0, np.nan, 3.0]], dtype=np.float32)
    frame = long_frame(gapless(values), START, HOUR)
    assert frame["y"].to_list() == [0, 1, 1, 3]
    assert frame["ds"].max() == START.replace(tzinfo=None) - HOUR
    assert frame["ds"].dtype == pl.Datetime("us")
