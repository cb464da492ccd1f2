"""The direct global forecaster."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting import examples as examples_module
from cloud_optimizer.core.forecasting.calibration import LEARNED_LEVELS, MEDIAN
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.design import Design
from cloud_optimizer.core.forecasting.direct import (
    calibrate,
    calibrated,
    calibration_examples,
    calibration_split,
    predicted_residuals,
)
from cloud_optimizer.core.forecasting.examples import build_examples, training_origins
from cloud_optimizer.core.forecasting.families import FORECASTERS, load_fitted
from cloud_optimizer.core.forecasting.saved import DESCRIPTION_FILE

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


@pytest.mark.parametrize("change", [{"features": ["lag_1"]}, {"features": []}])
def test_a_saved_model_that_learned_from_other_features_is_refused_by_name(
    change: dict[str, list[str]], tmp_path: Path
) -> None:
    settings = ForecastSettings(targets=("cpu_mean",), calibration_days=7)
    FORECASTERS["lightgbm"]().fit(make_panel(3, 30), settings).save(tmp_path)
    description = json.loads((tmp_path / DESCRIPTION_FILE).read_text())
    assert load_fitted(tmp_path).name == "lightgbm"
    (tmp_path / DESCRIPTION_FILE).write_text(json.dumps(description | change))
    with pytest.raises(
        InputError, match="The saved lightgbm model was trained on other features: train lightgbm again"
    ):
        load_fitted(tmp_path)


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


@pytest.mark.parametrize("rows", [400_000, 1_150])
def test_what_calibrated_a_fit_can_be_asked_for_again(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples_module, "MAXIMUM_ROWS", rows)  # 1150 are two of four workloads at 23 origins
    panel, settings = make_panel(4, 30), ForecastSettings(targets=("cpu_mean",), calibration_days=7)
    fitted = FORECASTERS["lightgbm"]().fit(panel, settings)
    examples, unseen = calibration_examples(panel, "cpu_mean", settings)
    assert len(examples.design.workload_ids) == (4 if rows == 400_000 else 2)
    again = calibrate(fitted.calibrating["cpu_mean"], examples, guarded=True, unseen=unseen)
    np.testing.assert_allclose(again.offsets, fitted.calibrations["cpu_mean"].offsets, rtol=1e-6)
    assert again.distrusted == fitted.calibrations["cpu_mean"].distrusted


@pytest.mark.parametrize("days", [8, 9, 12, 20, 60])
def test_what_calibrates_was_not_learned_from_however_short_the_history(days: int) -> None:
    settings = ForecastSettings()
    length = 24 * days
    origins = np.arange(7 * 24, length - 23, 24)
    early, late = calibration_split(origins, length, settings)
    assert len(late) == max(min(14, len(origins) // 2), 1)
    assert late[-1] == len(origins) - 1
    if len(origins) == 1:  # a single day does both
        assert early.tolist() == late.tolist()
    else:
        assert origins[early].max() + settings.horizon <= origins[late].min()


@pytest.mark.parametrize("days", [10, 16, 24])
def test_intervals_of_a_tiny_cluster_with_a_short_history_cover_enough(days: int) -> None:
    panel, settings = make_panel(3, days + 7), ForecastSettings(targets=("cpu_mean",))
    fitted = FORECASTERS["lightgbm"]().fit(panel.window(panel.start, panel.start + timedelta(days=days)), settings)
    inside = []
    for day in range(days, days + 7):
        origin = panel.start + timedelta(days=day)
        quantiles = fitted.predict(panel, origin).values["cpu_mean"]
        actual = panel["cpu_usage_cores_mean"][:, day * 24 : day * 24 + 24]
        inside.append((quantiles[..., 2] <= actual) & (actual <= quantiles[..., 6]))
    assert np.mean(inside) >= 0.77
