"""Where origins lie and who counts."""

from datetime import timedelta

import numpy as np
import pytest

from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.evaluation.origins import plan_origins
from cloud_optimizer.core.evaluation.settings import BacktestSettings
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.panel import Panel
from cloud_optimizer_tests.core.evaluation.fakes import START, daily_panel, days_after_start

CPU = ForecastSettings(targets=("cpu_mean",))


def test_origins_are_the_last_midnights_with_a_full_horizon() -> None:
    plan = plan_origins(daily_panel(days=40), BacktestSettings(origins=3, forecast=CPU))
    assert plan.origins == tuple(days_after_start(days) for days in (37, 38, 39))
    assert plan.notes == ()


def test_origins_stay_at_midnight_when_the_panel_starts_and_ends_within_a_day() -> None:
    whole = daily_panel(days=40)
    panel = whole.window(START + 5 * HOUR, whole.end - 3 * HOUR)
    plan = plan_origins(panel, BacktestSettings(origins=2, forecast=CPU))
    assert plan.origins == (days_after_start(37), days_after_start(38))


def test_fewer_origins_come_with_a_note() -> None:
    plan = plan_origins(daily_panel(days=25), BacktestSettings(forecast=CPU))
    assert plan.origins == tuple(days_after_start(days) for days in (21, 22, 23, 24))
    assert plan.notes == ("Only 4 of 28 origins have enough history and an observed future.",)


def test_a_short_trace_asks_for_half_its_span_and_says_so() -> None:
    plan = plan_origins(daily_panel(days=10), BacktestSettings(origins=5, forecast=CPU))
    assert plan.origins == tuple(days_after_start(days) for days in (5, 6, 7, 8, 9))
    assert plan.notes == ("No workload has 21 days of history; workloads count after 5.0 days.",)


def test_a_workload_counts_only_once_known_long_enough_and_while_it_is_observed() -> None:
    panel = daily_panel(days=40, workloads=2)
    values = panel["cpu_usage_cores_mean"].copy()
    values[0, : 17 * 24] = np.nan  # known since day 17: counts from day 38 on
    values[1, 38 * 24 :] = np.nan  # gone on day 38
    plan = plan_origins(panel.with_columns({"cpu_usage_cores_mean": values}), BacktestSettings(origins=3, forecast=CPU))
    assert plan.scored["cpu_mean"].tolist() == [[False, True, True], [True, False, False]]


def test_days_without_any_observation_are_not_origins() -> None:
    panel = daily_panel(days=40)
    values = panel["cpu_usage_cores_mean"].copy()
    values[:, 38 * 24 : 39 * 24] = np.nan
    plan = plan_origins(panel.with_columns({"cpu_usage_cores_mean": values}), BacktestSettings(origins=2, forecast=CPU))
    assert plan.origins == (days_after_start(37), days_after_start(39))


def test_a_target_without_data_is_left_out_with_a_note() -> None:
    plan = plan_origins(daily_panel(days=40), BacktestSettings(origins=1))
    assert plan.targets == ("cpu_mean",)
    assert "memory_mean is left out: memory_usage_bytes_mean has no value." in plan.notes


def test_short_horizons_are_spaced_by_the_horizon() -> None:
    forecast = ForecastSettings(targets=("cpu_mean",), horizon=4)
    plan = plan_origins(daily_panel(days=40), BacktestSettings(origins=3, forecast=forecast))
    assert np.diff(np.array(plan.origins)).tolist() == [timedelta(hours=4)] * 2


@pytest.mark.parametrize(
    ("panel", "forecast", "message"),
    [
        (daily_panel(days=1), CPU, "too short for one forecast of 24 steps"),
        (daily_panel(days=40), ForecastSettings(targets=("memory_mean",)), "nothing to backtest"),
        (daily_panel(days=40), ForecastSettings(step=timedelta(minutes=5)), "the backtest asks for 0:05:00"),
    ],
)
def test_a_panel_that_cannot_be_backtested_is_refused_in_one_sentence(
    panel: Panel, forecast: ForecastSettings, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        plan_origins(panel, BacktestSettings(forecast=forecast))
