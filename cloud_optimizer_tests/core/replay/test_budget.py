"""How many changes a contract allows."""

from datetime import timedelta

import numpy as np

from cloud_optimizer.core.replay.budget import SAVED_DAYS, budget_for
from cloud_optimizer.core.replay.settings import ReplaySettings
from cloud_optimizer_tests.core.policies.fleet import data_of

DATA = data_of(np.ones((4, 24 * 20)), step=timedelta(hours=1))
ALL = np.ones(4, dtype=bool)


def test_without_a_limit_every_change_happens() -> None:
    assert budget_for(DATA, ReplaySettings()).spend(ALL, np.zeros(4), 0).all()


def test_a_workload_has_its_own_changes_every_day() -> None:
    budget = budget_for(DATA, ReplaySettings(max_changes_per_day=1, changes_shared=False))
    assert budget.spend(ALL, np.zeros(4), 3).all()
    assert not budget.spend(ALL, np.zeros(4), 23).any()
    assert budget.spend(ALL, np.zeros(4), 24).all()


def test_raises_of_a_shared_budget_go_first_and_the_largest_before_others() -> None:
    budget = budget_for(DATA, ReplaySettings(max_changes_per_day=1))
    assert budget.spend(ALL, np.array([0.1, 0.3, 0.2, -9.0]), 1).tolist() == [True, True, True, False]
    assert budget.spend(ALL, np.array([0.1, 0.3, 0.2, 0.0]), 23).tolist() == [False, True, False, False]  # 4 a day
    assert not budget.spend(ALL, np.ones(4), 23).any()
    assert budget.spend(ALL, np.ones(4), 24).all()


def test_decreases_leave_changes_for_the_way_up() -> None:
    budget = budget_for(DATA, ReplaySettings(max_changes_per_day=1))
    down = np.array([-1.0, -4.0, -2.0, -3.0])
    assert budget.spend(ALL, down, 1).tolist() == [False, True, False, True]  # two of four are kept
    assert not budget.spend(ALL, down, 2).any()
    assert budget.spend(ALL, -down, 3).sum() == 2


def test_a_shared_budget_is_brought_by_observed_workloads_and_kept_for_a_week() -> None:
    usage = np.ones((4, 24 * 40))
    usage[2:, 24:] = np.nan
    budget = budget_for(data_of(usage), ReplaySettings(max_changes_per_day=1))
    assert budget.spend(ALL, np.ones(4), 0).sum() == 4
    assert budget.spend(ALL, np.ones(4), 24).sum() == 4  # all four were observed the day before
    assert budget.spend(ALL, np.ones(4), 48).sum() == 2  # two of them
    allowed = sum(int(budget.spend(ALL, np.ones(4), 24 * 39).sum()) for _ in range(20))
    assert allowed == 4 * SAVED_DAYS
