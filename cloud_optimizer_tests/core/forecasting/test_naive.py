"""The naive forecasts and their error distributions."""

import numpy as np
import pytest

from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.naive import NaiveForecaster
from cloud_optimizer.core.panel import Panel

from .conftest import make_panel


def test_seasonal_naive_median_is_the_same_hour_yesterday(panel: Panel, settings: ForecastSettings) -> None:
    forecast = NaiveForecaster("seasonal_naive").fit(panel, settings).predict(panel, panel.end)
    np.testing.assert_allclose(forecast.values["cpu_mean"][..., 4], panel["cpu_usage_cores_mean"][:, -24:])


def test_last_value_median_is_the_last_known_value(panel: Panel, settings: ForecastSettings) -> None:
    values = panel["cpu_usage_cores_mean"].copy()
    values[:, -3:] = np.nan
    gappy = panel.with_columns({"cpu_usage_cores_mean": values})
    forecast = NaiveForecaster("last_value").fit(gappy, settings).predict(gappy, gappy.end)
    np.testing.assert_allclose(forecast.values["cpu_mean"][..., 4], np.repeat(values[:, -4:-3], 24, axis=1))


def test_a_missing_hour_yesterday_is_taken_from_the_day_before(settings: ForecastSettings) -> None:
    panel = make_panel(1, 20)
    values = panel["cpu_usage_cores_mean"].copy()
    values[0, -24 + 7] = np.nan
    panel = panel.with_columns({"cpu_usage_cores_mean": values})
    forecast = NaiveForecaster("seasonal_naive").fit(panel, settings).predict(panel, panel.end)
    assert forecast.values["cpu_mean"][0, 7, 4] == values[0, -48 + 7]


@pytest.mark.parametrize("name", ["seasonal_naive", "last_value"])
def test_quantiles_are_those_of_past_errors(name: str) -> None:
    """Independent noise: nine in ten of the next days' values lie below the 0.9 quantile."""
    random = np.random.default_rng(3)
    values = (10 + random.normal(size=(200, 30 * 24))).astype(np.float32)
    ids = tuple(f"vm-{i:03}" for i in range(200))
    panel = make_panel(1, 30)
    panel = Panel(ids, panel.start, HOUR, {"cpu_usage_cores_mean": values})
    fitted = NaiveForecaster(name).fit(panel, ForecastSettings(targets=("cpu_mean",)))
    forecast = fitted.predict(panel, panel.end - 24 * HOUR).values["cpu_mean"]
    covered = (values[:, -24:, None] <= forecast).mean(axis=(0, 1))
    assert covered[6] == pytest.approx(0.9, abs=0.03)
    assert covered[2] == pytest.approx(0.1, abs=0.03)
    assert (np.diff(forecast, axis=-1) >= 0).all()
