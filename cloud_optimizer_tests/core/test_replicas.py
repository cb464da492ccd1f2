"""Replicas: size, count and autoscaler target together, from total demand, so that applying them is the end of it."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cloud_optimizer.core.replicas import (
    LADDER,
    ReplicaDemand,
    ReplicaPlan,
    ReplicaSettings,
    plan_replicas,
    schedule_json,
    without_short_dips,
)

NO_WISH = np.array([np.nan])
DAY = np.array([[2.0] * 8 + [6.0] * 10 + [2.0] * 6])


def demand(by_hour: NDArray[np.float64], present: float, **wishes: float) -> ReplicaDemand:
    limits = {name: np.array([wishes.get(name, np.nan)]) for name in ("minimum", "maximum")}
    return ReplicaDemand(by_hour.max(axis=1), by_hour, np.array([0.7]), np.array([present]), **limits)


def plan(by_hour: NDArray[np.float64], present: float, **wishes: float) -> ReplicaPlan:
    return plan_replicas(demand(by_hour, present, **wishes), ReplicaSettings())


def test_the_size_costs_least_over_the_day_with_overhead() -> None:
    chosen = plan(DAY, np.nan)
    # 2 cores for 14 hours and 6 for 10; with s cores a replica: s = 2 gives 2 (the minimum) and 3 replicas, 58 replica-
    # hours * 2.05 = 118.9; s = 1: 2 and 6, 88 * 1.05 = 92.4; s = .5: 4 and 12, 176 * .55 = 96.8
    assert chosen.size.tolist() == [1.0]
    assert chosen.count.tolist() == [6.0]
    assert chosen.schedule.tolist() == [[2.0] * 8 + [6.0] * 10 + [2.0] * 6]
    assert chosen.hpa_target.tolist() == [0.7]


def test_a_present_size_that_is_nearly_as_good_stays() -> None:
    assert plan(DAY, 0.5).size.tolist() == [0.5]  # 96.8 against 92.4 is 5 % more
    assert plan(DAY, 2.0).size.tolist() == [1.0]  # 118.9 is 29 % more


def test_the_limits_on_the_number_hold() -> None:
    assert plan(DAY, np.nan, maximum=3.0).size.tolist() == [2.0]
    assert plan(DAY * 0.01, np.nan, minimum=5.0).count.tolist() == [5.0]
    assert plan(DAY * 1000.0, np.nan, maximum=4.0).count.tolist() == [4.0]


def test_short_dips_stop_no_replicas() -> None:
    assert without_short_dips(np.array([[4.0, 2, 4, 2, 2, 4]]), 2).tolist() == [[4, 4, 4, 2, 2, 4]]
    assert without_short_dips(np.array([[4.0, 2, 4]]), 1).tolist() == [[4, 2, 4]]


def test_more_replicas_are_asked_for_before_the_hour_and_fewer_at_it() -> None:
    entries = json.loads(schedule_json(DAY[0], 5.0))
    assert len(entries) == 24
    assert entries[8] == {"hour": 8, "replicas": 6, "at": "07:55"}
    assert entries[18] == {"hour": 18, "replicas": 2, "at": "18:00"}


@given(
    st.lists(st.floats(0.0, 40.0), min_size=24, max_size=24),
    st.floats(0.05, 20.0),
    st.integers(1, 4),
    st.integers(4, 60),
)
def test_a_plan_that_was_applied_is_recommended_again(
    hours: list[float], present: float, minimum: int, maximum: int
) -> None:
    by_hour = np.array([hours])
    first = plan(by_hour, present, minimum=minimum, maximum=maximum)
    second = plan(by_hour, first.size[0], minimum=minimum, maximum=maximum)
    for name in ("size", "count", "schedule", "hpa_target"):
        assert getattr(first, name).tolist() == getattr(second, name).tolist()
    assert minimum <= first.schedule.min()
    assert first.schedule.max() <= first.count[0] <= maximum
    assert first.hpa_target[0] <= first.size[0]
    if first.count[0] < maximum:
        assert first.count[0] * first.size[0] >= by_hour.max() * (1 - 1e-9)


def test_sizing_by_what_one_replica_used_shrinks_without_end_and_ours_does_not() -> None:
    # an autoscaler at 50 % of the request starts as many replicas as it takes; the request follows the usage of one
    total, request, replicas = 8.0, 2.0, 8.0
    shrinking = []
    for _ in range(6):
        replicas = np.ceil(total / (0.5 * request))
        request = total / replicas * 1.15  # the usage of a replica with a margin
        shrinking.append(request)
    assert shrinking[-1] < 0.1 * shrinking[0]

    size, seen = 2.0, []
    for _ in range(6):
        chosen = plan(np.full((1, 24), total), size)
        size = float(chosen.size[0])
        running = np.ceil(total / chosen.hpa_target[0])
        assert running * chosen.hpa_target[0] >= total
        seen.append((size, float(chosen.count[0])))
    assert len(set(seen)) == 1
    assert seen[0][0] in LADDER.tolist()


def test_a_bursty_workload_gets_a_lower_autoscaler_target() -> None:
    calm, bursty = (
        plan_replicas(
            ReplicaDemand(np.array([6.0]), DAY, np.array([ratio]), NO_WISH, NO_WISH, NO_WISH), ReplicaSettings()
        )
        for ratio in (0.8, 0.5)
    )
    assert calm.hpa_target[0] == pytest.approx(0.8)
    assert bursty.hpa_target[0] == pytest.approx(0.5)
