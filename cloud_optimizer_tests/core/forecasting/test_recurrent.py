"""The recurrent networks."""

import numpy as np
import pytest

from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.examples import Examples, build_examples, training_origins
from cloud_optimizer.core.forecasting.recurrent import GRURegressor, sequences, squashed

from .conftest import make_panel

SETTINGS = ForecastSettings(targets=("cpu_mean",))


@pytest.fixture(scope="module")
def examples() -> Examples:
    panel = make_panel(4, 40)
    return build_examples(panel, "cpu_mean", training_origins(panel, SETTINGS), SETTINGS)


def test_training_lowers_the_validation_loss_and_stops_early(examples: Examples) -> None:
    curve = GRURegressor.fit(examples, SETTINGS, {}).curve
    assert min(curve) < 0.9 * curve[0]
    assert len(curve) <= 31


def test_the_same_seed_gives_the_same_network(examples: Examples) -> None:
    first, second = (GRURegressor.fit(examples, SETTINGS, {}).predict(examples.design) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_learned_quantiles_cannot_cross(examples: Examples) -> None:
    quantiles = GRURegressor.fit(examples, SETTINGS, {}).predict(examples.design)
    assert (np.diff(quantiles, axis=-1) >= 0).all()


def test_a_sequence_holds_recent_demand_its_presence_and_the_clock() -> None:
    panel = make_panel(1, 40)
    values = panel["cpu_usage_cores_mean"].copy()
    values[0, -2] = np.nan
    panel = panel.with_columns({"cpu_usage_cores_mean": values})
    origin = np.array([panel.length])
    sequence = sequences(build_examples(panel, "cpu_mean", origin, SETTINGS).design)[0, 0]
    assert sequence.shape == (48, 4)
    np.testing.assert_array_equal(sequence[-2, :2], [0, 0])
    np.testing.assert_array_equal(sequence[:, 1], [*[1] * 46, 0, 1])
    hours = np.tile(np.arange(24), 2)  # the origin is midnight
    np.testing.assert_allclose(sequence[:, 2], np.sin(2 * np.pi * hours / 24), atol=1e-5)
    np.testing.assert_allclose(sequence[:, 3], np.cos(2 * np.pi * hours / 24), atol=1e-5)


def test_squashing_keeps_sign_and_order_and_takes_unknown_as_nothing() -> None:
    values = np.array([-100, -1, 0, np.nan, 1, 100], dtype=np.float32)
    expected = [-np.log(101), -np.log(2), 0, 0, np.log(2), np.log(101)]
    np.testing.assert_allclose(squashed(values), expected, rtol=1e-6)
