"""Conformal offsets and the order of quantiles."""

from statistics import NormalDist

import numpy as np
import pytest

from cloud_optimizer.core.contracts import QUANTILE_LEVELS
from cloud_optimizer.core.forecasting.calibration import LEARNED_LEVELS, MEDIAN, expanded, level_offsets, rearranged


def test_offsets_make_each_level_right_on_the_window_they_saw() -> None:
    random = np.random.default_rng(0)
    actual = random.normal(2, 3, 20_000).astype(np.float32)
    actual[::7] = np.nan
    predicted = np.zeros((20_000, len(QUANTILE_LEVELS)), dtype=np.float32)
    shifted = predicted + level_offsets(predicted, actual)
    known = ~np.isnan(actual)
    below = (actual[known, None] <= shifted[known]).mean(axis=0)
    calibrated = np.arange(len(QUANTILE_LEVELS)) != MEDIAN
    np.testing.assert_allclose(below[calibrated], np.asarray(QUANTILE_LEVELS)[calibrated], atol=1e-3)
    np.testing.assert_array_equal(shifted[:, MEDIAN], 0)  # the point forecast stays what the model says


def test_levels_between_and_beyond_the_learned_are_those_of_a_normal() -> None:
    normal = NormalDist(10, 2)
    learned = np.array([[normal.inv_cdf(level) for level in LEARNED_LEVELS]], dtype=np.float32)
    expected = [normal.inv_cdf(level) for level in QUANTILE_LEVELS]
    assert expanded(learned)[0].tolist() == pytest.approx(expected, rel=1e-5)


def test_without_any_actual_nothing_is_shifted() -> None:
    offsets = level_offsets(np.zeros((3, len(QUANTILE_LEVELS)), np.float32), np.full(3, np.nan, np.float32))
    np.testing.assert_array_equal(offsets, np.zeros(len(QUANTILE_LEVELS)))


def test_rearranged_quantiles_never_cross() -> None:
    np.testing.assert_array_equal(rearranged(np.array([[3, 1, 2]], dtype=np.float32)), [[1, 2, 3]])
