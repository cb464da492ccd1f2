"""Exceedance curves of history and of forecasts, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cloud_optimizer.core.sizing.curve import ExceedanceCurve, geometric_candidates


def test_curve_of_history_counts_the_samples_above_and_their_volume() -> None:
    curve = ExceedanceCurve.from_samples(np.array([[1.0, 2.0, 3.0, 4.0]]), capacities=np.array([[1.0, 2.5, 4.0]]))
    # above 1: 2, 3, 4 of four; above 2.5: 3, 4; above 4: none
    np.testing.assert_allclose(curve.exceedance, [[0.75, 0.5, 0.0]])
    # above 1: (1 + 2 + 3)/4; above 2.5: (0.5 + 1.5)/4
    np.testing.assert_allclose(curve.unmet, [[1.5, 0.5, 0.0]])


def test_weights_and_gaps_count_in_the_curve_of_history() -> None:
    samples = np.array([[5.0, np.nan, 1.0]])
    curve = ExceedanceCurve.from_samples(samples, np.array([1.0, 7.0, 3.0]), np.array([[1.0, 5.0]]))
    np.testing.assert_allclose(curve.exceedance, [[0.25, 0.0]])  # 1 of 1 + 3; the gap's weight of 7 is no evidence
    np.testing.assert_allclose(curve.unmet, [[1.0, 0.0]])  # (5 - 1) * 0.25


def test_a_workload_without_samples_has_an_unknown_risk() -> None:
    curve = ExceedanceCurve.from_samples(np.array([[np.nan, np.nan], [1.0, 2.0]]))
    risk = curve.risk(np.array([1.0, 1.0]))
    assert np.isnan(risk[0])
    assert risk[1] == pytest.approx(0.5)


def test_candidates_of_history_reach_the_maximum_and_the_tail_in_single_samples() -> None:
    curve = ExceedanceCurve.from_samples(np.arange(1.0, 1001.0)[None])
    assert curve.capacities[0, -1] == 1000.0
    assert curve.capacities[0, 0] == 1.0
    assert 991.0 in np.round(curve.capacities[0])  # one percent of the samples above, give or take the grid


def test_curve_of_a_forecast_passes_through_its_quantiles() -> None:
    quantiles = np.array([[[1.0, 2.0, 3.0]]])
    curve = ExceedanceCurve.from_quantiles(quantiles, (0.1, 0.5, 0.9), np.array([[0.5, 1.0, 1.5, 2.0, 3.0, 4.0]]))
    # the tail goes from .5 at 2 to .1 at 3 in one unit, a factor of .2, so it is .02 at 4
    np.testing.assert_allclose(curve.exceedance, [[1.0, 0.9, 0.7, 0.5, 0.1, 0.02]])


def test_curve_of_a_forecast_averages_over_the_horizon() -> None:
    quantiles = np.array([[[1.0, 2.0, 3.0], [11.0, 12.0, 13.0]]])
    curve = ExceedanceCurve.from_quantiles(quantiles, (0.1, 0.5, 0.9), np.array([[2.0, 12.0]]))
    np.testing.assert_allclose(curve.exceedance, [[(0.5 + 1.0) / 2, (0.1 * 0.2**9 + 0.5) / 2]])


def test_unmet_demand_below_the_first_candidate_grows_with_the_gap() -> None:
    curve = ExceedanceCurve.from_samples(np.array([[4.0, 6.0]]), capacities=np.array([[2.0, 6.0]]))
    # everything exceeds 1, so mean demand 5 - 1
    assert curve.expected_unmet(np.array([1.0]))[0] == pytest.approx(4.0)


def test_mixture_weighs_its_curves() -> None:
    grid = np.array([[1.0, 2.0]])
    calm = ExceedanceCurve.from_exceedance(grid, np.array([[0.2, 0.0]]))
    busy = ExceedanceCurve.from_exceedance(grid, np.array([[0.8, 0.4]]))
    mixed = ExceedanceCurve.mixture((calm, busy), (3.0, 1.0))
    np.testing.assert_allclose(mixed.exceedance, [[0.35, 0.1]])


@given(
    hnp.arrays(np.float64, (3, 40), elements=st.floats(0, 1e6, width=32)),
    st.lists(st.floats(0, 1e6), min_size=2, max_size=2),
)
def test_risk_and_unmet_never_grow_with_capacity(samples: np.ndarray, pair: list[float]) -> None:
    curve = ExceedanceCurve.from_samples(samples)
    small, large = np.full(3, min(pair)), np.full(3, max(pair))
    assert (curve.risk(large) <= curve.risk(small) + 1e-12).all()
    assert (curve.expected_unmet(large) <= curve.expected_unmet(small) + 1e-6).all()


def test_geometric_candidates_have_equal_ratios() -> None:
    np.testing.assert_allclose(geometric_candidates(np.array([1.0]), np.array([8.0]), 4), [[1.0, 2.0, 4.0, 8.0]])
