"""Conformal offsets and the order of quantiles."""

import numpy as np
import pytest

from cloud_optimizer.core.contracts import QUANTILE_LEVELS
from cloud_optimizer.core.forecasting.calibration import level_offsets, rearranged


def test_offsets_make_each_level_right_on_the_window_they_saw() -> None:
    random = np.random.default_rng(0)
    actual = random.normal(2, 3, 20_000).astype(np.float32)
    actual[::7] = np.nan
    predicted = np.zeros((20_000, len(QUANTILE_LEVELS)), dtype=np.float32)
    shifted = predicted + level_offsets(predicted, actual)
    known = ~np.isnan(actual)
    assert (actual[known, None] <= shifted[known]).mean(axis=0) == pytest.approx(QUANTILE_LEVELS, abs=1e-3)


def test_without_any_actual_nothing_is_shifted() -> None:
    offsets = level_offsets(np.zeros((3, len(QUANTILE_LEVELS)), np.float32), np.full(3, np.nan, np.float32))
    np.testing.assert_array_equal(offsets, np.zeros(len(QUANTILE_LEVELS)))


def test_rearranged_quantiles_never_cross() -> None:
    np.testing.assert_array_equal(rearranged(np.array([[3, 1, 2]], dtype=np.float32)), [[1, 2, 3]])
