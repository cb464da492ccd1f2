"""The forecast of workloads with too little history."""

import numpy as np

from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.fallback import history_quantiles, newest_level, silent, stand_in, too_short


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


def test_one_value_after_a_gap_does_not_outvote_the_day_before_it() -> None:
    values = np.full((1, 361), np.nan, dtype=np.float32)
    values[0, :120] = 1
    values[0, -1] = 8  # back for an hour after ten days off
    quantiles = stand_in(values, 361, ForecastSettings())[0]
    # of 121 values 120 are 1: the .99 quantile has rank ceil(122 * .99) = 121 and is the 8
    np.testing.assert_array_equal(quantiles, np.tile([1, 1, 1, 1, 1, 1, 1, 1, 1, 8], (24, 1)))
    values[0, -13:] = 8  # 13 of its newest 24 values
    np.testing.assert_array_equal(newest_level(values, 24), [8])


def test_a_workload_known_for_less_than_a_day_has_the_median_of_what_is_known() -> None:
    values = np.full((2, 30), np.nan, dtype=np.float32)
    values[0, [3, 20, 25]] = [1, 5, 2]
    np.testing.assert_array_equal(newest_level(values, 24), [2, np.nan])
    np.testing.assert_array_equal(newest_level(values[:, :10], 24), [1, np.nan])


def test_a_week_without_a_value_is_silence() -> None:
    values = np.ones((3, 20 * 24), dtype=np.float32)
    values[0, -7 * 24 :] = np.nan
    values[1, -7 * 24 + 1 :] = np.nan
    np.testing.assert_array_equal(silent(values, 20 * 24, ForecastSettings()), [True, False, False])
