"""What every family promises, tested on every family."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from cloud_optimizer.core.contracts import FORECAST_SCHEMA, QUANTILE_LEVELS
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.contract import FittedForecaster, ForecastSettings
from cloud_optimizer.core.forecasting.families import FORECASTERS, load_fitted
from cloud_optimizer.core.panel import Panel

from .conftest import make_panel


@pytest.fixture(scope="module", params=list(FORECASTERS))
def fitted(request: pytest.FixtureRequest, panel: Panel, settings: ForecastSettings) -> FittedForecaster:
    return FORECASTERS[request.param]().fit(panel, settings)


def test_quantiles_are_ordered_known_and_never_negative(
    fitted: FittedForecaster, panel: Panel, settings: ForecastSettings
) -> None:
    forecast = fitted.predict(panel, panel.end)
    assert set(forecast.values) == set(settings.targets)
    for values in forecast.values.values():
        assert values.shape == (len(panel.workload_ids), settings.horizon, len(QUANTILE_LEVELS))
        assert values.dtype == np.float32
        assert (np.diff(values, axis=-1) >= 0).all()
        assert (values >= 0).all()
    assert not forecast.fallback.any()
    assert forecast.to_frame("c", "1").schema == FORECAST_SCHEMA


def test_a_saved_model_forecasts_the_same_after_loading(fitted: FittedForecaster, panel: Panel, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    assert not list(tmp_path.glob("*.pkl"))
    loaded = load_fitted(tmp_path)
    assert loaded.name == fitted.name
    before, after = fitted.predict(panel, panel.end), loaded.predict(panel, panel.end)
    for target, values in before.values.items():
        np.testing.assert_allclose(after.values[target], values, rtol=1e-5)


def test_the_future_changes_no_forecast(fitted: FittedForecaster, panel: Panel) -> None:
    origin = panel.end - timedelta(days=2)
    known = fitted.predict(panel.window(panel.start, origin), origin)
    changed = {name: values.copy() for name, values in panel.columns.items()}
    for values in changed.values():
        values[:, panel.index(origin) :] = 1e12
    seen = fitted.predict(Panel(panel.workload_ids, panel.start, panel.step, changed), origin)
    for target, values in known.values.items():
        np.testing.assert_array_equal(seen.values[target], values)


def test_the_order_and_company_of_workloads_change_no_forecast(fitted: FittedForecaster, panel: Panel) -> None:
    alone = fitted.predict(panel.rows([3, 1]), panel.end)
    together = fitted.predict(panel, panel.end)
    for target, values in alone.values.items():
        np.testing.assert_allclose(values, together.values[target][[3, 1]], rtol=1e-5)


def test_cold_off_and_silent_workloads_get_a_forecast_that_says_what_it_is(
    fitted: FittedForecaster, panel: Panel
) -> None:
    columns = {name: values.copy() for name, values in panel.columns.items()}
    for name, values in columns.items():
        if "usage" in name:
            values[0, :-48] = np.nan  # two days old
            values[1] = np.nan  # never seen
            values[2] = 0  # on, but idle
            values[3, -36:] = np.nan  # switched off a day and a half ago
            values[4, -8 * 24 :] = np.nan  # off for more than a week
    forecast = fitted.predict(Panel(panel.workload_ids, panel.start, panel.step, columns), panel.end)
    np.testing.assert_array_equal(forecast.fallback[:4], [True, True, False, False])
    assert forecast.fallback[4] == (fitted.name not in {"seasonal_naive", "last_value"})
    values = forecast.values["cpu_mean"]
    assert np.isfinite(values[[0, 2, 3, 4]]).all()
    assert np.isnan(values[1]).all()
    assert values[2].max() < 0.01
    assert values[0].max() <= columns["cpu_usage_cores_mean"][0, -48:].max() * (1 + 1e-6)


def test_five_minute_steps_work(fitted: FittedForecaster) -> None:
    step = timedelta(minutes=5)
    panel = make_panel(2, 10, step)
    settings = ForecastSettings(step=step, horizon=48, season=288, targets=("cpu_mean",), calibration_days=1)
    forecast = FORECASTERS[fitted.name]().fit(panel, settings).predict(panel, panel.end)
    assert np.isfinite(forecast.values["cpu_mean"]).all()


def test_naming_the_families_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from cloud_optimizer.core.forecasting.families import FORECASTERS\n"
        "[make() for make in FORECASTERS.values()]\n"
        "heavy = {'lightgbm', 'xgboost', 'catboost', 'torch', 'statsforecast', 'sklearn', 'numba'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no saved forecaster"):
        load_fitted(tmp_path)
