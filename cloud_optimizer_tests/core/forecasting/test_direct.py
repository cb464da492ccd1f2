"""The direct global forecaster."""

from datetime import timedelta

import numpy as np
import pytest

from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.families import FORECASTERS

from .conftest import make_panel


def test_lightgbm_learns_the_daily_rhythm_and_beats_yesterday() -> None:
    panel = make_panel(8, 56)
    settings = ForecastSettings(targets=("cpu_mean",), calibration_days=7)
    origin = panel.end - timedelta(days=1)
    known, actual = panel.window(panel.start, origin), panel["cpu_usage_cores_mean"][:, -24:]
    errors = {}
    for name in ("lightgbm", "seasonal_naive"):
        forecast = FORECASTERS[name]().fit(known, settings).predict(known, origin).values["cpu_mean"]
        errors[name] = np.abs(forecast[..., 4] - actual).sum() / actual.sum()
    assert errors["lightgbm"] < 0.95 * errors["seasonal_naive"]


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost", "blend"])
def test_importance_names_features_and_adds_up(name: str) -> None:
    fitted = FORECASTERS[name]().fit(make_panel(3, 30), ForecastSettings(targets=("cpu_mean",), calibration_days=7))
    importance = fitted.importance("cpu_mean")
    assert sum(importance.values()) == pytest.approx(1)
    assert {"lag_1", "hour", "rule_phase_median"} <= set(importance)
    assert list(importance.values()) == sorted(importance.values(), reverse=True)
