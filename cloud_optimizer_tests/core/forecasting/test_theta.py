"""The local theta model."""

import numpy as np
import pytest

from cloud_optimizer.core.forecasting.theta import STANDARD, estimate, gapless, point_forecast

HOURS = np.arange(21 * 24)


def test_gaps_take_the_value_before_and_what_precedes_the_first_is_dropped() -> None:
    series = np.array([np.nan, 1, np.nan, np.nan, 4, np.nan], dtype=np.float32)
    np.testing.assert_array_equal(gapless(series), [1, 1, 1, 4, 4])


def test_a_daily_rhythm_is_carried_on() -> None:
    random = np.random.default_rng(0)
    rhythm = 5 + 2 * np.sin(2 * np.pi * HOURS / 24)
    history = (rhythm + 0.1 * random.normal(size=len(HOURS))).astype(np.float32)
    parameters = estimate(history, 24)
    assert point_forecast(history, parameters, 24, 24) == pytest.approx(rhythm[:24], abs=0.4)


def test_a_constant_and_a_short_series_need_no_estimate() -> None:
    assert estimate(np.full(100, 3, np.float32), 24) == STANDARD
    np.testing.assert_array_equal(point_forecast(np.full(100, 3, np.float32), STANDARD, 24, 2), [3, 3])
    assert estimate(np.arange(40, dtype=np.float32), 24) == STANDARD
    assert np.isnan(point_forecast(np.arange(40, dtype=np.float32), STANDARD, 24, 2)).all()
