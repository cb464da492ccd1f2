"""Stated risks corrected by what happened, by hand and on made-up events."""

import numpy as np
import pytest

from cloud_optimizer.core.sizing.calibration import CENTRES, PRIOR_EVENTS, RiskCalibration


def test_without_a_past_risks_stay_as_stated() -> None:
    stated = np.array([0.001, 0.02, 0.3, np.nan])
    np.testing.assert_allclose(RiskCalibration().apply(stated), stated, rtol=1e-6)


def test_a_band_is_corrected_by_its_own_past_and_little_past_by_that_of_all() -> None:
    calibration = RiskCalibration()
    centre = CENTRES[9]
    calibration.record(np.full(1000, centre), np.full(1000, 2.0 * centre), days=0.0)
    stated = 1000 * centre
    overall = (2 * stated + PRIOR_EVENTS.max()) / (stated + PRIOR_EVENTS.max())
    prior = PRIOR_EVENTS[9]
    factor = (2 * stated + prior * overall) / (stated + prior)
    assert calibration.apply(np.array([centre]))[0] == pytest.approx(centre * factor)
    assert calibration.apply(np.array([CENTRES[12]]))[0] == pytest.approx(CENTRES[12] * overall)


def test_surges_nothing_has_shown_give_low_risks_a_floor() -> None:
    calibration = RiskCalibration()
    happened = np.zeros(10_000)
    happened[:30] = 1.0  # 0.3 % of what was said to be impossible
    calibration.record(np.zeros(10_000), happened, days=0.0)
    assert calibration.apply(np.array([0.0]))[0] == pytest.approx(0.003, rel=0.2)


def test_corrected_risks_never_fall_as_stated_ones_rise_and_stay_shares() -> None:
    generator = np.random.default_rng(0)
    stated = generator.random(5000) ** 4
    calibration = RiskCalibration()
    calibration.record(stated, (generator.random(5000) < np.sqrt(stated)).astype(float), days=0.0)
    corrected = calibration.apply(np.linspace(0, 1, 200))
    assert (np.diff(corrected) >= 0).all()
    assert corrected[-1] <= 1.0


def test_old_days_fade() -> None:
    calibration = RiskCalibration(half_life_days=1.0)
    calibration.record(np.full(1000, 0.01), np.full(1000, 0.1), days=0.0)
    calibration.record(np.full(1000, 0.01), np.full(1000, 0.01), days=20.0)
    assert calibration.apply(np.array([0.01]))[0] == pytest.approx(0.01, rel=0.05)
