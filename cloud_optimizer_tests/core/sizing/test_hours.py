"""Statistics of the hours before one, by hand."""

from datetime import timedelta

import numpy as np
import pytest

from cloud_optimizer.core.replay.data import ReplayData
from cloud_optimizer.core.sizing.hours import STATISTICS, HourlyDemand
from cloud_optimizer_tests.core.policies.fleet import data_of, random_usage

HALF_HOUR = timedelta(minutes=30)


def statistics_of(usage: np.ndarray, hour: int) -> dict[str, float]:
    values = HourlyDemand.of(data_of(usage, step=HALF_HOUR), lag=0).statistics(hour)[0]
    return dict(zip(STATISTICS, values.tolist(), strict=True))


def test_statistics_look_at_the_hours_before_only() -> None:
    usage = np.array([1.0, 5.0, 2.0, 3.0, 4.0, 1.0, 99.0, 99.0])
    seen = statistics_of(usage, 3)
    assert (seen["peak_1h"], seen["peak_2h"], seen["peak_3h"], seen["peak_ever"]) == (4.0, 4.0, 5.0, 5.0)
    assert seen["mean_1h"] == pytest.approx(2.5)
    assert seen["mean_6h"] == pytest.approx(16 / 6)
    assert (seen["last"], seen["last_half_peak"], seen["last_low"]) == (1.0, 1.0, 1.0)
    assert seen["peak_24h_p90"] == 4.0  # peaks 3, 4, 5: position .9 * 2 = 1.8, the one below
    assert np.isnan(seen["same_hour_yesterday"])


def test_same_hour_spans_the_lagged_hour_of_earlier_days() -> None:
    usage = np.zeros(48 * 3)
    usage[48 + 21] = 7.0  # hour 10 of the second day
    usage[22] = 9.0  # hour 11 of the first: the hour after
    seen = statistics_of(usage, 48 + 10)
    assert (seen["same_hour_yesterday"], seen["same_hour_highest"], seen["same_hour_second"]) == (7.0, 9.0, 7.0)


def test_nothing_is_known_before_the_first_hour() -> None:
    assert all(np.isnan(value) for value in statistics_of(np.ones(8), 0).values())


def test_hours_start_at_whole_utc_hours_and_the_coming_slots_are_lagged() -> None:
    data = data_of(np.arange(12.0), step=HALF_HOUR)
    shifted = ReplayData(data.usage, data.capacity, data.start + HALF_HOUR, HALF_HOUR, data.workload_ids)
    demand = HourlyDemand.of(shifted, lag=1)
    assert demand.samples[0, 0].tolist() == [1.0, 2.0]
    assert demand.coming[0, 0].tolist() == [2.0, 3.0]
    assert demand.first_hour == 1
    assert demand.hour_of(5) == 2
    np.testing.assert_array_equal(demand.coming[0, -1], [10.0, 11.0])


def test_statistics_do_not_change_with_what_comes_after() -> None:
    past = random_usage(0, slots=48 * 12)
    changed = past.copy()
    changed[:, 400:] = 99.0
    before, after = (
        HourlyDemand.of(data_of(usage, step=HALF_HOUR), lag=1).statistics(200) for usage in (past, changed)
    )
    np.testing.assert_array_equal(before, after)
