"""Conformal offsets and the order of quantiles."""

from statistics import NormalDist

import numpy as np
import pytest

from cloud_optimizer.core.contracts import QUANTILE_LEVELS
from cloud_optimizer.core.forecasting.calibration import (
    LEARNED_LEVELS,
    MEDIAN,
    PRIOR,
    corrected_tails,
    expanded,
    level_offsets,
    rearranged,
)


def test_offsets_make_each_level_right_on_the_window_they_saw() -> None:
    random = np.random.default_rng(0)
    actual = random.normal(2, 3, 20_000).astype(np.float32)
    actual[::7] = np.nan
    predicted = np.zeros((20_000, len(QUANTILE_LEVELS)), dtype=np.float32)
    shifted = predicted + level_offsets(predicted, actual, windows=20_000)
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
    offsets = level_offsets(np.zeros((3, len(QUANTILE_LEVELS)), np.float32), np.full(3, np.nan, np.float32), 3)
    np.testing.assert_array_equal(offsets, np.zeros(len(QUANTILE_LEVELS)))


def test_intervals_of_few_windows_cover_what_they_state_of_the_next_one() -> None:
    random = np.random.default_rng(1)
    inside = []
    for _ in range(300):
        windows = random.laplace(0, 1, (21, 2)).repeat(12, axis=1)  # two independent errors of 12 intervals each
        seen, new = windows[:20].ravel().astype(np.float32), windows[20]
        offsets = level_offsets(np.zeros((len(seen), len(QUANTILE_LEVELS)), np.float32), seen, 20)
        inside.append([((offsets[low] <= new) & (new <= offsets[high])).mean() for low, high in ((2, 6), (0, 8))])
    assert np.mean(inside, axis=0).tolist() == pytest.approx([0.80, 0.95], abs=0.02)


def test_tails_shrink_by_the_correction_of_split_conformal_prediction() -> None:
    upper = QUANTILE_LEVELS.index(0.95)
    assert corrected_tails(280)[upper] == pytest.approx(1 - 0.95 * 561 / 560)
    assert corrected_tails(9)[upper] == 0  # 0.95 * 19 / 18 > 1


def test_what_the_model_had_seen_is_at_least_as_uncertain_as_the_prior() -> None:
    random = np.random.default_rng(2)
    learned_by_heart = random.normal(0, 0.01, 500).astype(np.float32)
    quantiles = np.zeros((500, len(QUANTILE_LEVELS)), np.float32)
    np.testing.assert_allclose(level_offsets(quantiles, learned_by_heart, windows=0), PRIOR, atol=1e-6)
    wild = random.normal(0, 50, 500).astype(np.float32)
    assert (np.abs(level_offsets(quantiles, wild, windows=0)) >= np.abs(PRIOR)).all()


def test_rearranged_quantiles_never_cross() -> None:
    np.testing.assert_array_equal(rearranged(np.array([[3, 1, 2]], dtype=np.float32)), [[1, 2, 3]])
