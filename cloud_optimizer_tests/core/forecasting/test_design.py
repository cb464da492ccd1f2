"""The design matrix: values by hand, and the future unseen."""

from datetime import timedelta

import numpy as np
import pytest

from cloud_optimizer.core.contracts import TARGETS_BY_NAME
from cloud_optimizer.core.forecasting import design as design_module
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.design import Design, build_design, feature_names, residual_target
from cloud_optimizer.core.forecasting.design_features import calendar
from cloud_optimizer.core.forecasting.link import to_link
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


@pytest.mark.parametrize("target", TARGETS_BY_NAME)
def test_the_names_of_the_features_are_those_of_every_design(target: str) -> None:
    settings = ForecastSettings(horizon=12)
    design = build_design(make_panel(2, 10), target, np.array([200]), settings)
    assert feature_names(settings) == design.names


def test_features_of_one_forecast_interval_by_hand() -> None:
    panel = make_panel(1, 42)
    values = np.ones((1, panel.length), dtype=np.float32)
    values[0, -24 * 7 :] = 2  # the last week
    values[0, -1] = 4  # one hour before the origin
    values[0, -24 + 5] = 8  # yesterday, at the hour of the sixth forecast interval
    panel = panel.with_columns({"cpu_usage_cores_mean": values})
    design = build_design(panel, "cpu_mean", np.array([panel.length]), ForecastSettings())
    level = (166 * 2 + 4 + 8) / 168
    assert design.scale[0, 0] == pytest.approx(level)
    assert design.ceiling[0, 0] == pytest.approx(1.1 * 8)
    at = (0, 0, 5)

    def distance(demand: float) -> float:
        linked = float(to_link(np.float32(demand), design.scale[0, 0]))
        return (linked - design.base[at]) / design.spread[at]

    assert feature(design, "lag_1")[at] == pytest.approx(distance(4), rel=1e-5)
    assert feature(design, "rule_last_value")[at] == pytest.approx(distance(4), rel=1e-5)
    assert feature(design, "phase_lag_2")[at] == pytest.approx(distance(2), abs=1e-5)
    assert feature(design, "phase_lag_14")[at] == pytest.approx(distance(1), rel=1e-5)
    assert feature(design, "phase_maximum")[at] == pytest.approx(distance(8), rel=1e-5)
    assert feature(design, "maximum_24")[at] == pytest.approx(distance(8), rel=1e-5)
    assert feature(design, "hour")[at] == 5
    assert feature(design, "weekday")[at] == 0  # the panel starts on a Monday and ends after six weeks
    assert feature(design, "ahead")[at] == 5
    assert feature(design, "level_of_capacity")[at] == pytest.approx(level / 4)


def test_calendar_is_utc_hour_and_weekday() -> None:
    known = calendar(make_panel(1, 7), np.array([0, 25, 6 * 24 + 23]))
    np.testing.assert_array_equal(known["hour"], [0, 1, 23])
    np.testing.assert_array_equal(known["weekday"], [0, 1, 6])


def test_demand_of_the_residual_target_is_what_came_below_the_ceiling() -> None:
    panel = make_panel(2, 60)
    positions, settings = np.array([panel.length - 48, panel.length - 24]), ForecastSettings()
    design = build_design(panel, "cpu_mean", positions, settings)
    residual = residual_target(panel, "cpu_mean", positions, design)
    actual = panel["cpu_usage_cores_mean"][:, -24:]
    demand = design.demand(residual[..., None])[..., 0]
    np.testing.assert_allclose(demand[:, 1], np.minimum(actual, design.ceiling[:, 1:]), rtol=1e-4)
    assert (design.demand(np.full((2, 2, 24, 1), 1e6, np.float32)) <= design.ceiling[..., None, None] * 1.001).all()


def test_origins_of_different_phases_are_described_as_each_alone() -> None:
    panel, settings = make_panel(3, 50), ForecastSettings()
    positions = np.array([1100, 1106, 1113])
    together = build_design(panel, "cpu_mean", positions, settings)
    for i, position in enumerate(positions):
        alone = build_design(panel, "cpu_mean", np.array([position]), settings)
        np.testing.assert_allclose(together.features[:, i], alone.features[:, 0], rtol=1e-5, atol=1e-5)


def test_origins_described_in_chunks_are_as_described_together(monkeypatch: pytest.MonkeyPatch) -> None:
    panel, settings, positions = make_panel(3, 50), ForecastSettings(), np.arange(800, 1100, 24)
    together = build_design(panel, "cpu_mean", positions, settings)
    monkeypatch.setattr(design_module, "WORKING_VALUES", 3 * 28 * 24 * 2)
    chunked = build_design(panel, "cpu_mean", positions, settings)
    np.testing.assert_array_equal(chunked.features, together.features)
    np.testing.assert_array_equal(chunked.history, together.history)
