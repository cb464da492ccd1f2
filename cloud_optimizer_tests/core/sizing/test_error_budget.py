"""The price that an error budget chooses, by hand."""

import numpy as np
import pytest

from cloud_optimizer.core.sizing.error_budget import BudgetLedger, ErrorBudget, count_shortage

NAN = np.nan
PRICES = np.array([0.5, 1.0, 2.0])


def ledger_of(**limits: float | None) -> BudgetLedger:
    nothing = {"violating_observations": None, "unmet_volume": None, "prior_days": 0.0}
    return BudgetLedger(ErrorBudget.model_validate({**nothing, **limits}), PRICES, start=1)


def short_of(measure: int, *values: float) -> np.ndarray:
    short = np.zeros((3, 3))
    short[measure] = values
    return short


def test_first_choice_is_the_configured_price() -> None:
    assert ledger_of(unmet_volume=0.01).choose() == 1


def test_lowest_price_within_the_budget_is_chosen() -> None:
    ledger = ledger_of(unmet_volume=0.01)
    ledger.record(short_of(1, 3.0, 0.9, 0.1), np.array([100.0, 100.0, 10.0]), days=1.0)
    assert ledger.choose() == 1
    cheap = ledger_of(unmet_volume=0.05)
    cheap.record(short_of(1, 3.0, 0.9, 0.1), np.array([100.0, 100.0, 10.0]), days=1.0)
    assert cheap.choose() == 0


def test_every_limit_binds() -> None:
    ledger = ledger_of(unmet_volume=0.05, violating_workload_days=0.1)
    short = short_of(1, 3.0, 0.9, 0.1) + short_of(2, 3.0, 2.0, 1.0)
    ledger.record(short, np.array([100.0, 100.0, 10.0]), days=1.0)
    assert ledger.choose() == 2


def test_highest_price_is_taken_where_none_fits() -> None:
    ledger = ledger_of(violating_observations=0.001)
    ledger.record(short_of(0, 9.0, 9.0, 9.0), np.array([100.0, 100.0, 10.0]), days=1.0)
    assert ledger.choose() == 2


def test_old_shortage_is_forgiven() -> None:
    ledger = ledger_of(unmet_volume=0.01, half_life_days=1.0)
    ledger.record(short_of(1, 9.0, 9.0, 0.1), np.array([100.0, 100.0, 10.0]), days=1.0)
    assert ledger.choose() == 2
    for _ in range(5):  # 9 of 100, halved against 100 new a day: 9/2^5 of about 197
        ledger.record(short_of(1, 0.0, 0.0, 0.0), np.array([100.0, 100.0, 10.0]), days=1.0)
    assert ledger.choose() == 0


def test_prior_holds_the_configured_price_against_one_quiet_day() -> None:
    ledger = ledger_of(unmet_volume=0.01, prior_days=6.0)
    ledger.record(short_of(1, 0.0, 0.0, 0.0), np.array([100.0, 100.0, 10.0]), days=1.0)
    # a half price is taken to be twice as short: 6 days * 100 * .01 * 2 = 12 > .01 * 700
    assert ledger.choose() == 1


def test_shortage_counts_observed_samples_volume_and_workloads() -> None:
    usage = np.array([[1.0, 3.0, 4.0, NAN], [1.0, 1.0, 1.0, 1.0], [9.0, NAN, NAN, NAN]])
    capacity = np.array([[2.0, 2.0, NAN], [3.5, 0.5, 8.0]])
    short, whole = count_shortage(usage, capacity, first_only=False)
    assert whole.tolist() == [8.0, 21.0, 3.0]
    assert short[:, 0].tolist() == [2.0, 3.0, 1.0]  # 3 and 4 over 2; by 1 + 2; without a decision never short
    assert short[:, 1].tolist() == pytest.approx([6.0, 0.5 + 4 * 0.5 + 1.0, 3.0])
    raised, _ = count_shortage(usage, capacity, first_only=True)
    assert raised[:, 0].tolist() == [1.0, 1.0, 1.0]  # the 3 only
