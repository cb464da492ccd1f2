"""The direct global forecaster."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from cloud_optimizer.core.forecasting.calibration import LEARNED_LEVELS, MEDIAN
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.design import Design
from cloud_optimizer.core.forecasting.direct import calibrate, calibrated, predicted_residuals
from cloud_optimizer.core.forecasting.examples import build_examples, training_origins
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
def test_importance_names_features_and_adds_up_and_the_loss_falls(name: str) -> None:
    fitted = FORECASTERS[name]().fit(make_panel(3, 30), ForecastSettings(targets=("cpu_mean",), calibration_days=7))
    importance = fitted.feature_importance()
    assert sum(importance.values()) == pytest.approx(1)
    assert {"lag_1", "hour", "rule_phase_median"} <= set(importance)
    assert list(importance.values()) == sorted(importance.values(), reverse=True)
    for curve in fitted.training_curve().values():
        assert curve[-1] < curve[0]


class Wrong:
    """A regressor that is right on the first workload and far off on the others."""

    def predict(self, design: Design) -> np.ndarray:
        quantiles = np.zeros((*design.base.shape, len(LEARNED_LEVELS)), dtype=np.float32)
        quantiles[1:] = 5.0
        return quantiles + np.asarray(LEARNED_LEVELS, dtype=np.float32)


def test_where_the_learned_median_lost_to_the_base_the_base_is_the_median() -> None:
    panel, settings = make_panel(3, 40), ForecastSettings(targets=("cpu_mean",))
    examples = build_examples(panel, "cpu_mean", training_origins(panel, settings), settings)
    upper = replace(examples, residual=np.full_like(examples.residual, 0.5))
    assert calibrate(Wrong(), upper, guarded=False).distrusted == []
    calibration = calibrate(Wrong(), upper, guarded=True)
    assert calibration.distrusted == ["vm-1", "vm-2"]
    residual = calibrated(predicted_residuals(Wrong(), upper.design), upper.design, calibration)
    np.testing.assert_allclose(residual[0, ..., MEDIAN], 0.5, rtol=1e-6)
    np.testing.assert_array_equal(residual[1:, ..., MEDIAN], 0)
    assert (np.diff(residual, axis=-1) >= 0).all()
