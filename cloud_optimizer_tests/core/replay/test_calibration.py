"""Reliability of stated risks, by hand."""

import numpy as np
import pytest

from cloud_optimizer.core.policies.plan import Plan
from cloud_optimizer.core.replay.calibration import ENOUGH_EVENTS, ReliabilityBand, reliability
from cloud_optimizer.core.replay.engine import Outcome
from cloud_optimizer_tests.core.policies.fleet import data_of


def plan_of(risk: list[float], *, by_period: bool = False) -> Plan:
    """Two periods of four slots, bounds 1, 2 and 3 with these risks."""
    lower, target, upper = (np.full((1, 2), size) for size in (1.0, 2.0, 3.0))
    stated = np.repeat(np.array(risk)[:, None, None], 2, axis=2)
    return Plan(np.array([0, 4]), target, lower, upper, risk=stated, risk_counts_periods=by_period)


def outcome_of(capacity: float) -> Outcome:
    return Outcome(np.full((1, 8), capacity, dtype=np.float32), np.zeros((1, 8), dtype=np.uint8))


DATA = data_of(np.array([[1.0, 5.0, 1.0, np.nan, 1.0, 1.0, 1.0, 1.0]]))


def test_observed_risk_is_the_share_of_the_observed_samples() -> None:
    bands = reliability(DATA, plan_of([0.5, 0.2, 0.1]), outcome_of(2.0), 0, (0.0, 0.15, 1.0))
    assert [band.periods for band in bands] == [0, 2]
    assert bands[1].stated == pytest.approx(0.2)
    assert bands[1].observed == pytest.approx((1 / 3 + 0) / 2)
    assert bands[1].events == 1


def test_risk_of_a_capacity_between_the_bounds_is_in_between() -> None:
    (band,) = reliability(DATA, plan_of([0.5, 0.2, 0.1]), outcome_of(2.5), 0, (0.0, 1.0))
    assert band.stated == pytest.approx(np.sqrt(0.2 * 0.1))  # half way: the mean of the logarithms
    (band,) = reliability(DATA, plan_of([0.5, 0.2, 0.1]), outcome_of(1.5), 0, (0.0, 1.0))
    assert band.stated == pytest.approx(np.sqrt(0.5 * 0.2))


def test_risk_between_two_of_many_stated_sizes_is_in_between_them() -> None:
    plan = plan_of([0.5, 0.4, 0.2, 0.1, 0.05])  # at 1, 1.5, 2, 2.5 and 3
    (band,) = reliability(DATA, plan, outcome_of(1.75), 0, (0.0, 1.0))
    assert band.stated == pytest.approx(np.sqrt(0.4 * 0.2))
    (band,) = reliability(DATA, plan, outcome_of(3.0), 0, (0.0, 1.0))
    assert band.stated == pytest.approx(0.05)


def test_chance_of_a_period_counts_periods() -> None:
    (band,) = reliability(DATA, plan_of([0.5, 0.2, 0.1], by_period=True), outcome_of(2.0), 0, (0.0, 1.0))
    assert band.observed == pytest.approx(0.5)


def test_a_capacity_outside_the_bounds_has_no_stated_risk() -> None:
    (band,) = reliability(DATA, plan_of([0.5, 0.2, 0.1]), outcome_of(4.0), 0, (0.0, 1.0))
    assert band.periods == 0


def test_too_few_events_give_no_ratio() -> None:
    assert ReliabilityBand(0.0, 1.0, 1000, 0.1, 0.2, int(ENOUGH_EVENTS) - 1).ratio is None
    assert ReliabilityBand(0.0, 1.0, 1000, 0.1, 0.2, int(ENOUGH_EVENTS)).ratio == pytest.approx(2.0)
