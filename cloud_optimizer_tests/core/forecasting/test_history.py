"""Cuts of the panel and statistics that skip the unknown."""

import numpy as np
import pytest

from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.history import (
    future_after,
    history_before,
    known_deviation,
    known_mean,
    known_quantiles,
    last_known,
    origin_position,
    seasonal_grid,
)
from cloud_optimizer.core.panel import Panel

NAN = np.nan


def test_history_ends_right_before_the_origin_and_is_unknown_where_the_panel_does_not_reach() -> None:
    values = np.arange(5, dtype=np.float32)[None]
    cut = history_before(values, np.array([2, 5, 7]), 3)
    np.testing.assert_array_equal(cut[0], [[NAN, 0, 1], [2, 3, 4], [4, NAN, NAN]])


def test_future_starts_at_the_origin() -> None:
    values = np.arange(5, dtype=np.float32)[None]
    np.testing.assert_array_equal(future_after(values, np.array([1, 4]), 2)[0], [[1, 2], [4, NAN]])


def test_statistics_skip_the_unknown_and_are_unknown_without_any_value() -> None:
    values = np.array([[1, NAN, 3, 8], [NAN, NAN, NAN, NAN]], dtype=np.float32)
    np.testing.assert_allclose(known_mean(values), [4, NAN])
    np.testing.assert_allclose(known_deviation(values), [np.std([1, 3, 8]), NAN], rtol=1e-6)
    np.testing.assert_allclose(known_quantiles(values, np.array([0.25, 0.5, 1])), [[2, 3, 8], [NAN] * 3])
    np.testing.assert_allclose(last_known(values[:, :3]), [3, NAN])


def test_known_quantiles_equal_numpy_on_random_gaps() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(50, 30)).astype(np.float32)
    values[random.random(values.shape) < 0.4] = np.nan
    levels = np.array([0.025, 0.5, 0.99])
    expected = np.nanquantile(values, levels, axis=1).T
    np.testing.assert_allclose(known_quantiles(values, levels), expected, rtol=1e-5, atol=1e-6)


def test_seasonal_grid_holds_the_same_phase_of_earlier_seasons_newest_last() -> None:
    history = np.arange(7, dtype=np.float32)  # season 3: phases of the next interval are 1 and 4
    np.testing.assert_array_equal(seasonal_grid(history, 3, 4), [[1, 4], [2, 5], [3, 6], [1, 4]])


def test_origin_off_the_grid_is_refused(panel: Panel) -> None:
    assert origin_position(panel, panel.start + 30 * HOUR) == 30
    with pytest.raises(InputError, match="round it down"):
        origin_position(panel, panel.start + HOUR / 2)
