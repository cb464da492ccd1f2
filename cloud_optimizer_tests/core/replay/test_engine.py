"""What the replay applies and when, slot by slot."""

from datetime import timedelta

import numpy as np
import pytest

from cloud_optimizer.core.policies.plan import Plan
from cloud_optimizer.core.replay.engine import Outcome, simulate
from cloud_optimizer.core.replay.settings import ReplaySettings
from cloud_optimizer_tests.core.policies.fleet import data_of

QUARTER = timedelta(minutes=15)


def run(usage: list[float], decisions: list[int], plan: dict[str, object], **contract: object) -> Outcome:
    """Run one workload of 4 provisioned cores on a quarter-hour axis: the lag is one slot."""
    arrays = {k: np.array([v], dtype=np.float64) if isinstance(v, list) else v for k, v in plan.items()}
    settings = ReplaySettings.model_validate({"floor": 0.0, "cadence": "hourly", **contract})
    return simulate(data_of(np.array(usage), step=QUARTER), Plan(np.array(decisions), **arrays), settings)  # type: ignore[arg-type]


def test_decision_takes_effect_after_the_lag() -> None:
    outcome = run([1.0] * 8, [2, 6], {"target": [2.0, 3.0]})
    assert outcome.capacity[0].tolist() == [4, 4, 4, 2, 2, 2, 2, 3]
    assert outcome.changes[0].tolist() == [0, 0, 0, 1, 0, 0, 0, 1]


def test_capacity_inside_the_bounds_stays() -> None:
    outcome = run([1.0] * 8, [0, 2, 4], {"target": [2.0, 2.4, 3.0], "lower": [2.0, 1.9, 2.1], "upper": [2.0, 2.5, 3.1]})
    assert outcome.capacity[0].tolist() == [4, 2, 2, 2, 2, 3, 3, 3]
    assert outcome.changes.sum() == 2


def test_updater_acts_on_a_tenth_once_the_pod_is_old_enough() -> None:
    wide = {"lower": [0.0] * 4, "upper": [9.0] * 4, "patience": 4, "tolerance": 0.1}
    # 4 to 3.7 is .075: no. 4 to 3.5 is .125: yes, nothing changed for long. 3.5 to 3: too young, then old enough
    outcome = run([1.0] * 12, [1, 2, 4, 8], {"target": [3.7, 3.5, 3.0, 3.0], **wide})
    np.testing.assert_array_equal(outcome.capacity[0], [4, 4, 4, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 3, 3, 3])


def test_undefined_proposal_keeps_what_is_in_force() -> None:
    outcome = run([1.0] * 6, [0, 3], {"target": [2.0, np.nan]})
    assert outcome.capacity[0].tolist() == [4, 2, 2, 2, 2, 2]


def test_floor_bounds_every_policy() -> None:
    assert run([1.0] * 3, [0], {"target": [0.1]}, floor=0.5).capacity[0].tolist() == [4, 0.5, 0.5]


def test_changes_of_a_day_are_limited_and_the_next_day_has_its_own() -> None:
    decisions = [0, 4, 8, 96]
    outcome = run([1.0] * 100, decisions, {"target": [3.0, 2.0, 1.0, 1.0]}, max_changes_per_day=2, changes_shared=False)
    assert outcome.capacity[0, [1, 5, 9, 97]].tolist() == [3, 2, 2, 1]
    assert outcome.changes[0, :96].sum() == 2


def test_sample_over_capacity_raises_for_the_rest_of_the_hour() -> None:
    usage = [1.0, 1.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    contract = {"raise_within_hour": True}
    outcome = run(usage, [0, 4], {"target": [2.0, 2.0]}, **contract)
    # over at slot 2, known at 3: up to the provisioned 4 until the next decision acts at 5
    assert outcome.capacity[0].tolist() == [4, 2, 2, 4, 4, 2, 2, 2, 2]
    assert outcome.changes[0].tolist() == [0, 1, 0, 1, 0, 1, 0, 0, 0]


def test_raise_goes_where_the_policy_wants_but_over_the_sample() -> None:
    contract = {"raise_within_hour": True}
    plan = {"target": [2.0], "raise_to": [2.5]}
    assert run([1.0, 2.2, 1.0, 1.0], [0], plan, **contract).capacity[0].tolist() == [4, 2, 2.5, 2.5]
    assert run([1.0, 3.0, 1.0, 1.0], [0], plan, **contract).capacity[0].tolist() == [4, 2, 3, 3]


def test_raise_may_have_a_lag_of_its_own() -> None:
    contract = {"raise_within_hour": True, "raise_lag": QUARTER}
    assert run([1.0, 3.0, 3.0, 3.0, 1.0], [0], {"target": [2.0]}, **contract).capacity[0].tolist() == [4, 2, 2, 4, 4]


def test_without_the_contract_nothing_is_raised() -> None:
    assert run([1.0, 9.0, 1.0, 1.0], [0], {"target": [2.0]}).capacity[0].tolist() == [4, 2, 2, 2]


def test_raise_needs_the_hourly_cadence() -> None:
    with pytest.raises(ValueError, match="hourly"):
        ReplaySettings(cadence="daily", raise_within_hour=True)


def test_workload_that_appears_late_starts_with_what_is_provisioned() -> None:
    outcome = run([np.nan, np.nan, 1.0, 1.0, 1.0], [0, 2], {"target": [np.nan, 2.0]})
    np.testing.assert_array_equal(outcome.capacity[0], [np.nan, np.nan, 4, 2, 2])
