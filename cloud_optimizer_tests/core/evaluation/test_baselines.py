"""The yardsticks do what their names say."""

import numpy as np
import pytest

from cloud_optimizer.core.contracts import QUANTILE_LEVELS
from cloud_optimizer.core.evaluation import baselines
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer_tests.core.evaluation.fakes import daily_panel, days_after_start

HISTORY = np.array([[1, 2, 3, 4, 5, np.nan], [7, np.nan, np.nan, np.nan, np.nan, np.nan]], dtype=np.float32)


def test_last_value_skips_the_unobserved_end() -> None:
    assert baselines.last_value(HISTORY, 3, 2).tolist() == [[5, 5], [7, 7]]


def test_yesterday_repeats_the_last_day_and_falls_back_to_the_last_value() -> None:
    points = baselines.filled_points(baselines.same_time_yesterday, HISTORY, 3, 4)
    assert points.tolist() == [[4, 5, 5, 4], [7, 7, 7, 7]]


def test_past_day_mean_skips_the_unobserved() -> None:
    assert baselines.past_day_mean(HISTORY[:1], 3, 2).tolist() == [[4.5, 4.5]]


def test_last_week_looks_seven_days_back() -> None:
    history = np.arange(14, dtype=np.float32)[None]
    assert baselines.same_time_last_week(history, 2, 2).tolist() == [[0, 1]]


@pytest.mark.parametrize("name", baselines.BASELINE_NAMES)
def test_every_baseline_forecasts_ordered_finite_quantiles(name: str) -> None:
    panel = daily_panel(days=20)
    settings = ForecastSettings(targets=("cpu_mean",))
    forecast = baselines.Baseline(name).fit(panel, settings).predict(panel, days_after_start(20))
    values = forecast.values["cpu_mean"]
    assert values.shape == (3, 24, len(QUANTILE_LEVELS))
    assert np.isfinite(values).all()
    assert (np.diff(values, axis=-1) >= 0).all()


def test_a_rule_keeps_its_point_as_the_median() -> None:
    panel = daily_panel(days=20)
    settings = ForecastSettings(targets=("cpu_mean",))
    forecast = baselines.Baseline("naive_last_value").fit(panel, settings).predict(panel, panel.end)
    median = forecast.values["cpu_mean"][..., QUANTILE_LEVELS.index(0.5)]
    assert (median == panel["cpu_usage_cores_mean"][:, -1:]).all()
