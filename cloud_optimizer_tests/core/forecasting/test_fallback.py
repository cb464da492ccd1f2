"""The forecast of workloads with too little history."""

import numpy as np

from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.fallback import history_quantiles, silent, stand_in, too_short


def test_observations_of_a_week_altogether_are_enough() -> None:
    observed = np.array([168, 167], dtype=np.float32)
    np.testing.assert_array_equal(too_short(observed, ForecastSettings()), [False, True])


def test_few_observations_give_their_extremes() -> None:
    history = np.full((1, 48), np.nan, dtype=np.float32)
    history[0, -12:] = np.arange(12)
    quantiles = history_quantiles(history, ForecastSettings(horizon=2))
    assert quantiles.shape == (1, 2, 10)
    # levels .025 .05 .1 .25 .5 .75 .9 .95 .975 .99; ranks of 13 * level, floor below the middle, ceil above
    np.testing.assert_array_equal(quantiles[0, 1], [0, 0, 0, 2, 6, 9, 11, 11, 11, 11])


def test_a_workload_never_seen_stays_unknown() -> None:
    history = np.full((1, 48), np.nan, dtype=np.float32)
    assert np.isnan(history_quantiles(history, ForecastSettings())).all()


def test_a_workload_back_from_a_long_silence_is_forecast_by_what_it_did_before() -> None:
    values = np.full((2, 80 * 24), np.nan, dtype=np.float32)
    values[0, :24] = 7  # eleven weeks ago
    values[1, :24] = 7
    values[1, -48:] = 3
    quantiles = stand_in(values, 80 * 24, ForecastSettings())
    np.testing.assert_array_equal(quantiles[0], np.full((24, 10), 7))
    np.testing.assert_array_equal(quantiles[1], np.full((24, 10), 3))


def test_the_middle_of_the_fallback_is_the_newest_known_day() -> None:
    values = np.full((1, 20 * 24), np.nan, dtype=np.float32)
    values[0, 24 : 5 * 24] = 8
    values[0, 5 * 24 : 6 * 24] = 2  # its last day, two weeks ago
    values[0, 5 * 24] = 9
    quantiles = stand_in(values, 20 * 24, ForecastSettings())[0]
    # of 120 values 23 are 2: levels up to .1 have ranks below 13, .25 is the 30th value and lies above the middle
    np.testing.assert_array_equal(quantiles, np.tile([2, 2, 2, 2, 2, 8, 8, 8, 8, 9], (24, 1)))


def test_a_week_without_a_value_is_silence() -> None:
    values = np.ones((3, 20 * 24), dtype=np.float32)
    values[0, -7 * 24 :] = np.nan
    values[1, -7 * 24 + 1 :] = np.nan
    np.testing.assert_array_equal(silent(values, 20 * 24, ForecastSettings()), [True, False, False])
