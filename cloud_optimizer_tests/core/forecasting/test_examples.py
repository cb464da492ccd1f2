"""Training origins, the bounded sample of workloads, and weights."""

import numpy as np
import pytest

from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting import examples
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.examples import build_examples, sampled, training_origins
from cloud_optimizer.core.panel import Panel

from .conftest import make_panel


def cut(intervals: int, workloads: int = 1) -> Panel:
    panel = make_panel(workloads, 12)
    return panel.window(panel.start, panel.start + intervals * HOUR)


def test_origins_are_a_day_apart_and_the_newest_horizon_ends_with_the_panel() -> None:
    np.testing.assert_array_equal(training_origins(cut(10 * 24 + 5), ForecastSettings()), [173, 197, 221])


def test_a_panel_of_less_than_a_week_and_a_horizon_is_refused() -> None:
    assert len(training_origins(cut(8 * 24), ForecastSettings())) == 1
    with pytest.raises(InputError, match="too few to fit"):
        training_origins(cut(8 * 24 - 1), ForecastSettings())


def test_of_many_origins_the_newest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "MAXIMUM_ROWS", 2 * 5 * 24)
    monkeypatch.setattr(examples, "FEWEST_ORIGINS", 3)
    everything = np.arange(168, 265, 24)
    np.testing.assert_array_equal(training_origins(cut(12 * 24, workloads=2), ForecastSettings()), everything)
    np.testing.assert_array_equal(training_origins(cut(12 * 24, workloads=5), ForecastSettings()), everything[-3:])


def test_a_large_fleet_is_sampled_without_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    np.testing.assert_array_equal(sampled(3, 10, seed=0), [0, 1, 2])
    monkeypatch.setattr(examples, "MAXIMUM_ROWS", 100)
    kept = sampled(50, 10, seed=0)
    assert len(kept) == len(set(kept.tolist())) == 10
    assert (np.diff(kept) > 0).all()


def test_rows_are_those_of_known_demand() -> None:
    panel = make_panel(2, 20)
    values = panel["cpu_usage_cores_mean"].copy()
    values[1, -24:] = np.nan
    panel = panel.with_columns({"cpu_usage_cores_mean": values})
    origins = np.array([panel.length - 48, panel.length - 24])
    built = build_examples(panel, "cpu_mean", origins, ForecastSettings())
    features, residual, weight = built.rows()
    assert len(features) == len(residual) == len(weight) == 3 * 24
    assert len(built.at(np.array([1])).rows()[1]) == 24


def test_a_busy_week_weighs_more() -> None:
    panel = make_panel(1, 42)
    values = np.ones((1, panel.length), dtype=np.float32)
    values[0, -8 * 24 :] = 3
    panel = panel.with_columns({"cpu_usage_cores_mean": values})
    built = build_examples(panel, "cpu_mean", np.array([panel.length - 24]), ForecastSettings())
    assert built.weight[0, 0] == pytest.approx(3 / ((21 * 1 + 7 * 3) / 28))
