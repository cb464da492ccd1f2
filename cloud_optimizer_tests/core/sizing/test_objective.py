"""Capacities of priced shortage, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_optimizer.core.sizing.curve import ExceedanceCurve
from cloud_optimizer.core.sizing.objective import Choice, ShortagePrice, SizingSettings, SloClass, choose_capacity

SAMPLES = np.array([[1.0] * 90 + [2.0] * 9 + [10.0]])
"""One sample in a hundred at 10, nine at 2, the rest at 1."""


def settings(time: float = 0.0, volume: float = 0.0, **preferences: object) -> SizingSettings:
    price = ShortagePrice(time=time, volume=volume)
    free = {"change_cost": 0.0, "change_cost_relative": 0.0}
    prices = {"critical": price, "standard": price, "batch": price}
    return SizingSettings.model_validate({"prices": prices, **free, **preferences})


def choose(preferences: SizingSettings, current: float = 16.0, **now: object) -> Choice:
    curve = ExceedanceCurve.from_samples(SAMPLES)
    return choose_capacity(curve, np.array([current]), np.array([16.0]), preferences, **now)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (5.0, 1.0),  # J(1) = 1 + .1*5 = 1.5 < J(2) = 2 + .01*5 = 2.05
        (50.0, 2.0),  # J(1) = 6, J(2) = 2.5, J(10) = 10
        (1000.0, 10.0),  # J(1) = 101, J(2) = 12, J(10) = 10
    ],
)
def test_capacity_grows_with_the_price_of_being_short(time: float, expected: float) -> None:
    assert choose(settings(time)).target[0] == expected


def test_unmet_volume_has_its_own_price() -> None:
    # unmet: at 1 (9*1 + 9)/100 = .18, at 2 8/100 = .08; J(1) = 1 + 18, J(2) = 2 + 8 and J(10) = 10: a tie at 100
    assert choose(settings(volume=99.0)).target[0] == 2.0
    assert choose(settings(volume=101.0)).target[0] == 10.0


def test_present_capacity_stays_where_a_change_does_not_pay() -> None:
    preferences = settings(50.0, change_cost=0.5, change_cost_relative=0.1)
    # best is J(2) = 2.5; a change pays above 2.5*1.1 + .5 = 3.25. At 2.5: J = 2.5 + about .5*(1 - .5/8)
    stays = choose(preferences, current=2.5)
    assert stays.target[0] == 2.5
    assert stays.reasons_of(0) == ("CHANGE_COST",)
    assert choose(preferences, current=4.0).target[0] == 2.0
    assert stays.lower[0] <= stays.target[0] <= stays.upper[0]


def test_decrease_waits_for_the_cool_down_and_an_increase_does_not() -> None:
    preferences = settings(50.0, cool_down_hours=6.0)
    waits = choose(preferences, current=4.0, hours_since_change=np.array([5.0]))
    assert waits.target[0] == 4.0
    assert waits.reasons_of(0) == ("COOL_DOWN",)
    assert choose(preferences, current=4.0, hours_since_change=np.array([6.0])).target[0] == 2.0
    assert choose(preferences, current=1.0, hours_since_change=np.array([0.0])).target[0] == 2.0


def test_step_limits_bound_one_change() -> None:
    down = choose(settings(50.0, maximum_decrease=0.25), current=16.0)
    assert down.target[0] == 12.0  # 16 * .75
    assert down.uncapped[0] == 2.0
    assert down.reasons_of(0) == ("STEP_LIMIT",)
    assert choose(settings(50.0, maximum_increase=0.5), current=1.0).target[0] == 1.5


def test_floor_and_ceiling_bound_the_target() -> None:
    low = choose(settings(5.0, floor=3.0))
    assert (low.target[0], low.uncapped[0]) == (3.0, 1.0)
    assert low.reasons_of(0) == ("FLOOR_APPLIED",)
    high = choose(settings(1000.0, ceiling=0.5))
    assert high.target[0] == 8.0  # half of 16 provisioned
    assert high.reasons_of(0) == ("CEILING_APPLIED",)


def test_wanted_percentile_fits_whatever_the_price() -> None:
    choice = choose(settings(0.0, percentile=0.95))
    assert choice.target[0] == 2.0  # one percent above 2, ten above 1
    assert choice.reasons_of(0) == ("PERCENTILE_APPLIED",)


def test_headroom_adds_to_the_demand_that_fits() -> None:
    choice = choose(settings(50.0, headroom=0.2))
    assert choice.target[0] == pytest.approx(2.4)
    assert choice.risk[0] == pytest.approx(0.0095)  # of the 2.4: .01 * (10 - 2.4)/(10 - 2)


def test_unknown_demand_keeps_what_is_provisioned_and_says_so() -> None:
    curve = ExceedanceCurve.from_samples(np.full((1, 3), np.nan))
    choice = choose_capacity(curve, np.array([4.0]), np.array([16.0]), settings(5.0))
    assert choice.target[0] == 16.0
    assert np.isnan(choice.risk[0])
    assert choice.reasons_of(0) == ("INSUFFICIENT_DATA",)


def test_critical_workloads_get_at_least_what_standard_and_batch_get() -> None:
    targets = [choose(SizingSettings(), slo_classes=[slo]).target[0] for slo in ("critical", "standard", "batch")]
    assert targets == sorted(targets, reverse=True)
    assert targets[0] > targets[2]


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=30),
    st.floats(0.01, 100),
    st.sampled_from(["critical", "standard", "batch"]),
)
def test_bounds_enclose_the_target_and_risk_is_a_share(samples: list[float], current: float, slo: SloClass) -> None:
    curve = ExceedanceCurve.from_samples(np.array([samples]))
    choice = choose_capacity(curve, np.array([current]), np.array([50.0]), SizingSettings(), slo_classes=slo)
    assert choice.lower[0] <= choice.target[0] <= choice.upper[0]
    assert 0.0 <= choice.risk[0] <= 1.0
