"""Features look back, labels look ahead, and neither crosses the origin."""

from datetime import timedelta

import numpy as np
import pytest

from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.peak_risk import PeakRiskSettings
from cloud_optimizer.core.peak_risk.examples import build_examples, feature_names, features_at, training_origins
from cloud_optimizer_tests.core.peak_risk.fleet import CAPACITY, HOURS, START, peaky_panel

SETTINGS = PeakRiskSettings(targets=("cpu_peak",))


def _panel(demand: list[list[float]], capacity: float = CAPACITY) -> Panel:
    values = np.asarray(demand, dtype=np.float32)
    names = tuple(f"w{i}" for i in range(len(values)))
    columns = {"cpu_usage_cores_max": values, "cpu_capacity_cores": np.full_like(values, capacity)}
    return Panel(names, START, timedelta(hours=1), columns)


def test_origins_leave_a_week_before_and_the_window_after() -> None:
    origins = training_origins(peaky_panel(days=9), SETTINGS)
    assert origins.tolist() == [168, 174, 180, 186, 192]


def test_the_label_is_demand_at_the_threshold_within_the_window() -> None:
    panel = _panel([[1.0] * 216, [1.0] * 215 + [3.8], [1.0] * 192 + [3.79] + [1.0] * 23])
    examples = build_examples(panel, "cpu_peak", np.array([168, 192]), SETTINGS)
    assert examples.origin.tolist() == [168, 168, 168, 192, 192, 192]
    assert examples.label.tolist() == [False, False, False, False, True, False]  # 3.8 = 0.95 x 4


def test_features_do_not_see_the_future() -> None:
    panel = peaky_panel()
    changed = {name: values.copy() for name, values in panel.columns.items()}
    changed["cpu_usage_cores_max"][:, 800:] = 99.0
    changed["cpu_capacity_cores"][:, 800:] = 1.0
    origins = np.array([700, 800])
    before, after = (features_at(p, "cpu_peak", origins, SETTINGS) for p in (panel, panel.with_columns(changed)))
    assert np.array_equal(before[0], after[0], equal_nan=True)
    assert np.array_equal(before[1], after[1])


def test_features_are_what_their_names_say() -> None:
    demand = np.full(28 * HOURS, 0.95)
    demand[-30] = 3.8  # the threshold, 29 whole hours before the origin's last one
    panel = _panel([demand.tolist()])
    features, capacity = features_at(panel, "cpu_peak", np.array([panel.length]), SETTINGS)
    row = dict(zip(feature_names(), features[0, 0].tolist(), strict=True))
    assert capacity.tolist() == [[CAPACITY]]
    assert (row["maximum_24h"], row["maximum_48h"], row["last"]) == pytest.approx((0.25, 1.0, 0.25))
    assert (row["maximum_1_days_back"], row["maximum_2_days_back"]) == pytest.approx((0.25, 1.0))
    assert row["log_hours_since_reached"] == pytest.approx(np.log(30))
    assert row["reached_share_168h"] == pytest.approx(1 / 168)
    assert row["mean_change_24h"] == pytest.approx(-0.75 / 24)
    assert (row["hour_sin"], row["hour_cos"]) == pytest.approx((0.0, 1.0))


def test_workloads_without_a_capacity_or_an_observed_future_are_no_rows() -> None:
    demand = [[1.0] * 216, [1.0] * 192 + [float("nan")] * 24]
    assert len(build_examples(_panel(demand, capacity=0.0), "cpu_peak", np.array([192]), SETTINGS).label) == 0
    assert len(build_examples(_panel(demand), "cpu_peak", np.array([192]), SETTINGS).label) == 1


def test_a_large_fleet_is_sampled_by_workload_and_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = peaky_panel(days=20, workloads=60)
    origins = training_origins(panel, SETTINGS)
    settings = SETTINGS.model_copy(update={"maximum_rows": 30 * len(origins)})
    whole = build_examples(panel, "cpu_peak", origins, settings)
    assert len(whole.label) == 30 * len(origins)
    monkeypatch.setattr("cloud_optimizer.core.peak_risk.examples.VALUES_AT_ONCE", 1)
    assert np.array_equal(build_examples(panel, "cpu_peak", origins, settings).features, whole.features, equal_nan=True)


def test_five_minute_panels_work() -> None:
    values = np.random.default_rng(0).random((2, 10 * 288), dtype=np.float32)
    columns = {"cpu_usage_cores_max": values, "cpu_capacity_cores": np.ones_like(values)}
    panel = Panel(("a", "b"), START, HOUR / 12, columns)
    examples = build_examples(panel, "cpu_peak", training_origins(panel, SETTINGS), SETTINGS)
    assert examples.features.shape == (2 * 9, len(feature_names()))
