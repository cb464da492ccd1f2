"""Rules, their trials and their weighted median."""

import numpy as np
import pytest

from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.experts import RULES, consult, levels, weighted_median

SETTINGS = ForecastSettings(horizon=8, season=8)
SEASONS = 60


def ask(values: np.ndarray, position: int, settings: ForecastSettings = SETTINGS):
    weekend = np.arange(values.shape[1] + settings.horizon + settings.season) // settings.season % 7 >= 5
    return consult(values.astype(np.float32), weekend, np.array([position]), settings)


def test_weighted_median_is_where_half_of_the_weight_is_reached() -> None:
    values = np.array([[9, 1, 2], [9, 1, 2]], dtype=np.float32)
    weights = np.array([[0.6, 0.2, 0.2], [0.4, 0.3, 0.3]], dtype=np.float32)
    np.testing.assert_array_equal(weighted_median(values, weights), [9, 2])


def test_rules_say_what_their_names_promise() -> None:
    values = np.arange(SEASONS * 8, dtype=np.float64)[None]
    asked = dict(zip(RULES, ask(values, SEASONS * 8).rules[0, 0].T, strict=True))
    end, ahead = SEASONS * 8, np.arange(8)
    np.testing.assert_array_equal(asked["last_value"], np.full(8, end - 1))
    np.testing.assert_array_equal(asked["quarter_mean"], np.full(8, end - 1.5))  # of the last two
    np.testing.assert_array_equal(asked["phase_median"], end - 4 * 8 + ahead)  # the middle of seven seasons
    np.testing.assert_array_equal(asked["weekday_median"], end - 17.5 * 8 + ahead)
    # of the last two values, the phase median one season earlier was 4 seasons below
    np.testing.assert_array_equal(asked["shifted_phase_median"], end + ahead)


def test_day_types_are_kept_apart() -> None:
    weekend = np.arange(SEASONS) % 7 >= 5
    values = np.repeat(np.where(weekend, 1.0, 10.0), 8)[None]
    for season in (SEASONS - 7, SEASONS - 5):  # both have two full weeks behind them
        said = ask(values, season * 8).rules[0, 0, :, RULES.index("day_type_median")]
        np.testing.assert_array_equal(said, np.full(8, 1.0 if weekend[season] else 10.0))


def test_the_rule_that_was_right_lately_decides() -> None:
    """A daily rhythm for phase rules; a random walk of levels for the last value."""
    random = np.random.default_rng(0)
    rhythm = np.tile([1, 1, 1, 1, 9, 9, 9, 9], SEASONS)[None].astype(float)
    np.testing.assert_allclose(ask(rhythm, SEASONS * 8).median[0, 0], rhythm[0, :8])
    levels_of_days = np.repeat(np.exp(np.cumsum(random.normal(size=SEASONS))), 8)[None]
    np.testing.assert_allclose(ask(levels_of_days, SEASONS * 8 - 4).median[0, 0, :4], levels_of_days[0, -4:], rtol=1e-5)


def test_what_had_not_happened_by_the_origin_is_no_trial() -> None:
    """Two seasons ahead: the second half of the newest trial lies behind the origin."""
    settings = ForecastSettings(horizon=16, season=8)
    values = np.random.default_rng(1).random((3, SEASONS * 8))
    changed = values.copy()
    changed[:, 50 * 8 :] = 1e6
    before, after = ask(values, 50 * 8, settings), ask(changed, 50 * 8, settings)
    np.testing.assert_array_equal(before.median, after.median)
    np.testing.assert_array_equal(before.error, after.error)


def test_no_trial_gives_every_rule_the_same_weight() -> None:
    values = np.full((1, SEASONS * 8), np.nan)
    values[0, -3:] = [2, 2, 5]
    asked = ask(values, SEASONS * 8)
    assert asked.median[0, 0, 0] == pytest.approx(np.sort(asked.rules[0, 0, 0])[(len(RULES) - 1) // 2])


def test_level_is_floored_by_the_long_run_and_positive_for_silence() -> None:
    grid = np.full((4, 28, 4), 10, dtype=np.float32)
    grid[0, -7:] = 0
    grid[1] = 0
    grid[2] = np.nan
    grid[3, -7:] = np.nan  # off for a week
    recent, long_run = levels(grid, np.array([28]))
    np.testing.assert_allclose(recent[:, 0], [0.05 * 7.5, 1e-6, 1e-6, 10])
    np.testing.assert_allclose(long_run[:, 0], [7.5, 0, 0, 10])
