"""The recurrent networks."""

import numpy as np
import pytest
import torch

from cloud_optimizer.core.forecasting.calibration import LEARNED_LEVELS
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.examples import Examples, build_examples, training_origins
from cloud_optimizer.core.forecasting.recurrent import RECENT, GRURegressor, _batch, _device, sequences, squashed
from cloud_optimizer.core.forecasting.recurrent_network import RecurrentQuantiles, permutation_importance

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
    assert sequence.shape == (24, 4)
    np.testing.assert_array_equal(sequence[-2, :2], [0, 0])
    np.testing.assert_array_equal(sequence[:, 1], [*[1] * 22, 0, 1])
    hours = np.arange(24)  # the origin is midnight
    np.testing.assert_allclose(sequence[:, 2], np.sin(2 * np.pi * hours / 24), atol=1e-5)
    np.testing.assert_allclose(sequence[:, 3], np.cos(2 * np.pi * hours / 24), atol=1e-5)


def test_squashing_keeps_sign_and_order_and_takes_unknown_as_nothing() -> None:
    values = np.array([-100, -1, 0, np.nan, 1, 100], dtype=np.float32)
    expected = [-np.log(101), -np.log(2), 0, 0, np.log(2), np.log(101)]
    np.testing.assert_allclose(squashed(values), expected, rtol=1e-6)


def test_importance_is_the_share_of_the_loss_that_permuting_a_feature_costs(examples: Examples) -> None:
    importance = GRURegressor.fit(examples, SETTINGS, {}).importance()
    assert set(importance) == {RECENT, *examples.design.names}
    assert sum(importance.values()) == pytest.approx(1.0)
    assert all(share >= 0 for share in importance.values())
    assert list(importance.values()) == sorted(importance.values(), reverse=True)


def test_a_feature_that_the_network_does_not_look_at_has_no_importance(examples: Examples) -> None:
    network = RecurrentQuantiles("gru", len(examples.design.names), 8, LEARNED_LEVELS)
    with torch.no_grad():
        network.hidden.weight[:, 8 + 2] = 0
    sequence, rises = permutation_importance(network, _batch(examples), seed=0)
    assert rises[2] == 0
    assert max(sequence, *rises) > 0


def test_a_network_is_trained_where_the_gpu_is(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for present in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda present=present: present)
        found[present] = _device().type
    assert found == {True: "cuda", False: "cpu"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU on this machine")
def test_a_gpu_and_the_processor_learn_the_same(examples: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    on_gpu = GRURegressor.fit(examples, SETTINGS, {}).predict(examples.design)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    on_cpu = GRURegressor.fit(examples, SETTINGS, {}).predict(examples.design)
    median = len(LEARNED_LEVELS) // 2
    spread = float(np.std(on_cpu[..., median]))
    assert float(np.mean(np.abs(on_gpu - on_cpu))) < 0.1 * spread
