"""The chance that tomorrow's peak passes a size, by hand."""

import numpy as np
import pytest

from cloud_optimizer.core.sizing.peaks import RATIOS, PeakRatios, PeakSettings, daily_peaks


def ratios_of(peaks: list[list[float]], **settings: float) -> PeakRatios:
    """Observe the days of each workload, shape [n][days]."""
    known = np.array(peaks)
    ratios = PeakRatios(len(known), PeakSettings.model_validate({"daily_decay": 1.0, "fleet_days": 0.0, **settings}))
    for day in known.T:
        ratios.observe(day)
    return ratios


def test_own_chance_counts_the_days_that_passed_the_ratio() -> None:
    # ratios to the highest so far: 2/1, 1/2, 1/2, 3/2: two of four above 1, one above 1.6
    curve = ratios_of([[1.0, 2.0, 1.0, 1.0, 3.0]]).curve(np.array([100.0]))
    assert curve.risk(np.array([3.0]))[0] == pytest.approx(0.5)
    assert curve.risk(np.array([3.0 * 1.6]))[0] == pytest.approx(0.25, abs=0.01)


def test_reference_is_the_week_before() -> None:
    assert ratios_of([[9.0] + [1.0] * 7]).reference[0] == 1.0
    assert ratios_of([[9.0] + [1.0] * 6]).reference[0] == 9.0


def test_fleet_stands_for_a_few_days_of_a_workload() -> None:
    calm, wild = [1.0] * 11, [1.0, *([1.5, 1.0] * 5)]
    alone = ratios_of([calm, wild]).curve(np.full(2, 100.0)).risk(np.array([1.0, 1.5]))
    together = ratios_of([calm, wild], fleet_days=10.0).curve(np.full(2, 100.0)).risk(np.array([1.0, 1.5]))
    assert alone[0] == 0.0
    # ten days of its own without one, and ten of the fleet, which passed on one workload and day of twenty
    assert together[0] == pytest.approx(10 * (1 / 20) / 20, rel=0.01)


def test_what_is_provisioned_cannot_be_passed() -> None:
    curve = ratios_of([[1.0, 2.0, 4.0, 8.0]]).curve(np.array([10.0]))
    assert curve.capacities.max() == 10.0
    assert curve.risk(np.array([10.0]))[0] == 0.0
    assert curve.risk(np.array([8.0]))[0] > 0.0


def test_nothing_observed_is_unknown() -> None:
    curve = ratios_of([[np.nan, np.nan], [1.0, 1.0]]).curve(np.array([4.0, 4.0]))
    assert np.isnan(curve.risk(np.array([1.0, 1.0]))).tolist() == [True, False]


def test_candidates_start_at_the_reference() -> None:
    assert RATIOS[0] == 1.0
    assert (np.diff(RATIOS) > 0).all()


def test_peaks_are_of_utc_days() -> None:
    usage = np.array([[1.0, 9.0, 2.0, 3.0, np.nan, 4.0]], dtype=np.float32)
    np.testing.assert_array_equal(daily_peaks(usage, 3, slot_of_day=1), [[9.0, 3.0, 4.0]])
    np.testing.assert_array_equal(daily_peaks(usage, 3, slot_of_day=0), [[9.0, 4.0]])
