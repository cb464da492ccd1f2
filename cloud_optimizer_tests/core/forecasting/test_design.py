"""The design matrix: values by hand, and the future unseen."""

from datetime import timedelta

import numpy as np
import pytest

from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.design import (
    Design,
    build_design,
    demand_level,
    from_link,
    residual_target,
    to_link,
)
from cloud_optimizer.core.panel import Panel

from .conftest import make_panel

FIVE_MINUTES = ForecastSettings(step=timedelta(minutes=5), horizon=48, season=288, targets=("cpu_mean",))


def feature(design: Design, name: str) -> np.ndarray:
    return design.features[..., design.names.index(name)]


@pytest.mark.parametrize(
    ("panel", "settings"),
    [(make_panel(4, 30), ForecastSettings()), (make_panel(3, 10, timedelta(minutes=5)), FIVE_MINUTES)],
    ids=["hours", "five minutes"],
)
def test_nothing_at_or_after_an_origin_is_seen(panel: Panel, settings: ForecastSettings) -> None:
    positions = np.array([panel.length // 2, panel.length - settings.horizon])
    before = build_design(panel, "cpu_mean", positions[:1], settings)
    changed = {name: values.copy() for name, values in panel.columns.items()}
    for values in changed.values():
        values[:, positions[0] :] = 1e6
    after = build_design(
        Panel(panel.workload_ids, panel.start, panel.step, changed), "cpu_mean", positions[:1], settings
    )
    np.testing.assert_array_equal(before.features, after.features)
    np.testing.assert_array_equal(before.base, after.base)
    together = build_design(panel, "cpu_mean", positions, settings)
    np.testing.assert_array_equal(together.features[:, :1], before.features)


def test_features_of_one_forecast_interval_by_hand() -> None:
    panel = make_panel(1, 28)
    values = np.ones((1, panel.length), dtype=np.float32)
    values[0, -24 * 7 :] = 2  # the last week
    values[0, -1] = 4  # one hour before the origin
    values[0, -24 + 5] = 8  # yesterday, at the hour of the sixth forecast interval
    panel = panel.with_columns({"cpu_usage_cores_mean": values})
    design = build_design(panel, "cpu_mean", np.array([panel.length]), ForecastSettings())
    level = (166 * 2 + 4 + 8) / 168
    assert design.scale[0, 0] == pytest.approx(level)
    at = (0, 0, 5)
    assert feature(design, "lag_1")[at] == pytest.approx(np.arcsinh(3 * 4 / level))
    assert feature(design, "phase_lag_1")[at] == pytest.approx(np.arcsinh(3 * 8 / level))
    assert feature(design, "phase_lag_2")[at] == pytest.approx(np.arcsinh(3 * 2 / level))
    assert feature(design, "hour")[at] == 5
    assert feature(design, "weekday")[at] == 0  # the panel starts on a Monday and ends after four weeks
    assert feature(design, "ahead")[at] == 5
    assert feature(design, "level_of_capacity")[at] == pytest.approx(level / 4)


def test_link_and_its_inverse_agree_and_demand_is_never_negative() -> None:
    demand = np.array([0, 0.01, 1, 250], dtype=np.float32)
    scale = np.float32(2.5)
    np.testing.assert_allclose(from_link(to_link(demand, scale), scale), demand, rtol=1e-5, atol=1e-6)
    assert from_link(np.float32(-0.3), scale) == 0


def test_level_is_floored_by_the_long_run_and_positive_for_silence() -> None:
    settings = ForecastSettings()
    history = np.full((3, 28 * 24), 10, dtype=np.float32)
    history[0, -7 * 24 :] = 0
    history[1] = 0
    history[2] = np.nan
    np.testing.assert_allclose(demand_level(history, settings), [0.05 * 7.5, 1e-6, 1e-6], rtol=1e-6)


def test_residual_is_what_must_be_added_to_the_base() -> None:
    panel = make_panel(2, 30)
    positions, settings = np.array([panel.length - 24]), ForecastSettings()
    design = build_design(panel, "memory_peak", positions, settings)
    residual = residual_target(panel, "memory_peak", positions, design)
    demand = from_link(design.base + residual, design.scale[..., None])
    np.testing.assert_allclose(demand[:, 0], panel["memory_usage_bytes_max"][:, -24:], rtol=1e-4)
