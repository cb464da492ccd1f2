"""Past demand as arrays: what stands behind an hour, what the capacity cuts off, what a forecast can mean."""

import numpy as np
import pytest

from cloud_optimizer.core.recommendations.demand import DemandHistory
from cloud_optimizer.core.recommendations.evidence import seasonal_ratio, spread


def hours(
    mean: list[float], p95: list[float], peak: list[float], samples: float = 12.0, capacity: float = 4.0
) -> DemandHistory:
    arrays = [np.array([values]) for values in (mean, p95, peak)]
    like = np.ones_like(arrays[0])
    return DemandHistory(*arrays, capacity=capacity * like, samples=samples * like)


def test_twelve_samples_are_one_peak_one_percentile_and_ten_that_keep_the_mean() -> None:
    values, weights = hours([1.0], [2.0], [4.0]).samples_behind()
    # (12 * 1 - 2 - 4) / 10 = .6
    assert values[0].tolist() == pytest.approx([0.6, 2.0, 4.0])
    assert weights[0].tolist() == pytest.approx([10.0, 1.0, 1.0])


def test_a_single_sample_is_itself() -> None:
    values, weights = hours([3.0], [3.0], [3.0], samples=1.0).samples_behind()
    assert np.average(values[0], weights=weights[0]) == 3.0
    assert weights.sum() == 1.0


def test_percentiles_are_those_of_the_samples() -> None:
    seen = spread(hours([1.0] * 100, [1.0] * 100, [1.0] * 95 + [3.0] * 5))
    assert (seen.p50[0], seen.p99[0], seen.highest[0]) == (pytest.approx(1.0, abs=0.02), 1.0, 3.0)
    unknown = spread(hours([np.nan], [np.nan], [np.nan]))
    assert np.isnan([unknown.p50[0], unknown.highest[0]]).all()


def test_usage_at_the_capacity_is_read_as_more_demand() -> None:
    grown = hours([1.0, 1.0], [3.0, 3.0], [3.8, 4.0]).saturated(0.98, 1.1)
    assert grown.peak[0].tolist() == pytest.approx([3.8, 4.4])


def test_a_forecast_ends_where_usage_can_go() -> None:
    history = hours([1.0], [2.0], [2.0], capacity=4.0)
    quantiles = np.array([[[1.0, 3.0, 9.0]]])
    # at most 1.03 * 4 = 4.12, which stands for 10 % more
    assert history.reachable(quantiles, 0.98, 1.1)[0, 0].tolist() == pytest.approx([1.0, 3.0, 4.532])


def test_no_forecast_stays_unknown() -> None:
    assert np.isnan(hours([1.0], [2.0], [2.0]).reachable(np.full((1, 1, 2), np.nan), 0.98, 1.1)).all()


def test_a_busy_hour_of_every_day_is_a_season_and_one_event_is_not() -> None:
    day = [1.0] * 23 + [3.0]
    daily = day * 14
    once = [1.0] * (14 * 24 - 1) + [3.0]
    assert seasonal_ratio(hours(daily, daily, daily))[0] == 3.0
    assert seasonal_ratio(hours(once, once, once))[0] == 1.0
    assert np.isnan(seasonal_ratio(hours(day * 3, day * 3, day * 3))[0])
