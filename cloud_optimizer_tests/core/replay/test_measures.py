"""Measures of a replay, by hand."""

from datetime import timedelta

import numpy as np
import pytest

from cloud_optimizer.core.replay.bootstrap import interval, resample_weights
from cloud_optimizer.core.replay.data import ReplayData
from cloud_optimizer.core.replay.engine import Outcome
from cloud_optimizer.core.replay.measures import halves, ratio_histogram, scale_for, tally
from cloud_optimizer_tests.core.policies.fleet import data_of

SIX_HOURS = timedelta(hours=6)
USAGE = np.array([[1.0, 3.0, np.nan, 1.0, 1.0, 1.0, 1.0, 2.0]])
"""Two days of four slots."""


def outcome_of(capacity: float) -> Outcome:
    changes = np.zeros(USAGE.shape, dtype=np.uint8)
    changes[0, 4] = 1
    return Outcome(np.full(USAGE.shape, capacity, dtype=np.float32), changes)


def test_measures_count_observed_slots_only() -> None:
    total = tally(data_of(USAGE, step=SIX_HOURS), outcome_of(2.0), slice(0, 8))
    ratios = {name: float(value[0]) for name, value in total.ratios(np.ones((1, 1))).items()}
    assert ratios["provision"] == pytest.approx(0.5)  # 7 * 2 of 7 * 4
    assert ratios["slack"] == pytest.approx(4 / 14)  # (14 - 10) / 14
    assert ratios["violating_observations"] == pytest.approx(1 / 7)  # 3 over 2; 2 over 2 is not over
    assert ratios["unmet_volume"] == pytest.approx(0.1)  # 1 of 10
    assert ratios["violating_workload_days"] == pytest.approx(0.5)
    assert ratios["changes_per_workload_day"] == pytest.approx(0.5)


def test_scaled_capacity_never_goes_below_the_floor() -> None:
    data = data_of(USAGE, step=SIX_HOURS)
    total = tally(data, outcome_of(2.0), slice(0, 8), scale=0.5, floor=1.5)
    assert total.capacity[0] == pytest.approx(10.5)  # 7 * 1.5


@pytest.mark.parametrize(("violations", "expected"), [(0.15, 1.0), (0.01, 1.5), (0.29, 0.5)])
def test_scale_brings_the_violations_just_down_to_the_share(violations: float, expected: float) -> None:
    # ratios of usage to capacity: five times .5, once 1.0, once 1.5; one of seven is .143, two are .286
    histogram = ratio_histogram(data_of(USAGE, step=SIX_HOURS), outcome_of(2.0), slice(0, 8), floor=0.0)
    assert scale_for(histogram, violations) == pytest.approx(expected, rel=2e-3)


def test_usage_within_the_floor_never_binds_the_scale() -> None:
    histogram = ratio_histogram(data_of(USAGE, step=SIX_HOURS), outcome_of(2.0), slice(0, 8), floor=2.0)
    assert scale_for(histogram, 0.15) < 1e-4


def test_halves_split_at_a_midnight() -> None:
    data = data_of(np.ones((1, 40)), step=SIX_HOURS)
    assert halves(data, 4) == (slice(4, 20), slice(20, 40))  # nine days from day 1; the fifth of them is day 5


def test_resamples_are_paired_and_repeatable() -> None:
    weights = resample_weights(5, 200, seed=3)
    np.testing.assert_array_equal(weights, resample_weights(5, 200, seed=3))
    assert (weights.sum(axis=1) == 5).all()
    assert weights.mean() == pytest.approx(1.0)


def test_interval_is_the_central_95_percent() -> None:
    assert interval(np.arange(1001.0)) == pytest.approx((25.0, 975.0))
    assert interval(np.array([np.nan, np.nan, 1.0])) is None


def test_replay_data_knows_its_days_and_hours() -> None:
    data = data_of(np.ones((1, 100)))
    shifted = ReplayData(data.usage, data.capacity, data.start - timedelta(hours=2), data.step, data.workload_ids)
    assert shifted.decisions("daily", 0).tolist() == [2, 26, 50, 74, 98]
    assert shifted.day_of_slot()[[0, 1, 2, 25, 26]].tolist() == [0, 0, 1, 1, 2]
    assert shifted.decisions("daily", 3).tolist() == [26, 50, 74, 98]
    assert shifted.scored_from(timedelta(days=1)) == 26
