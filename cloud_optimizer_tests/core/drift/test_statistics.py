"""Distances equal SciPy's, and none of them grows with the sample."""

from math import log, sqrt
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from cloud_optimizer.core.drift.statistics import (
    bin_counts,
    chi_squared,
    cramers_v,
    ks_statistic,
    ks_to_sorted,
    population_stability_index,
    psi_of_counts,
    quantile_edges,
)

SAMPLES = hnp.arrays(np.float64, st.integers(1, 60), elements=st.sampled_from([-2.5, -1.0, 0.0, 0.1, 1.0, 3.0, 7.5]))
COUNTS = hnp.arrays(np.float64, 4, elements=st.integers(0, 50).map(float))


def scipy_ks(reference: np.ndarray, current: np.ndarray) -> float:
    with np.errstate(all="ignore"):  # its p-value divides by zero on samples of one
        return float(stats.ks_2samp(reference, current, method="asymp").statistic)


@settings(max_examples=200, deadline=None)
@given(SAMPLES, SAMPLES)
def test_ks_equals_scipy_with_ties(reference: np.ndarray, current: np.ndarray) -> None:
    assert ks_statistic(reference, current) == pytest.approx(scipy_ks(reference, current), abs=1e-12)


def test_ks_equals_scipy_on_continuous_samples_of_any_size() -> None:
    random = np.random.default_rng(0)
    for sizes in ((1, 1), (5, 400), (400, 5), (1000, 1000)):
        reference, current = random.normal(size=sizes[0]), random.normal(0.3, 2, size=sizes[1])
        assert ks_statistic(reference, current) == pytest.approx(scipy_ks(reference, current), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(SAMPLES, SAMPLES)
def test_ks_among_a_sample_equals_ks_against_the_rest(rest: np.ndarray, part: np.ndarray) -> None:
    whole = np.sort(np.concatenate([rest, part]))
    assert ks_to_sorted(whole, part, among=True) == pytest.approx(ks_statistic(rest, part), abs=1e-12)


@settings(max_examples=200, deadline=None)
@given(COUNTS, COUNTS)
def test_chi_squared_equals_scipy(reference: np.ndarray, current: np.ndarray) -> None:
    table = np.stack([reference, current])[:, reference + current > 0]
    if table.size == 0 or table.sum(axis=1).min() == 0:
        assert np.isnan(chi_squared(reference, current))
        return
    expected = stats.chi2_contingency(table, correction=False).statistic
    assert chi_squared(reference, current) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_cramers_v_is_scipys_association_when_both_sides_weigh_the_same() -> None:
    reference, current = np.array([30.0, 50.0, 20.0]), np.array([10.0, 40.0, 50.0])
    expected = stats.contingency.association(np.stack([reference, current]).astype(int), method="cramer")
    assert cramers_v(reference, current) == pytest.approx(expected, abs=1e-12)
    assert cramers_v(reference * 7, current) == pytest.approx(expected, abs=1e-12)
    assert cramers_v(np.array([1.0, 1.0]), np.array([1.0, 3.0])) == pytest.approx(sqrt(0.4 / 3 / 2))


def test_psi_is_the_sum_of_both_relative_entropies() -> None:
    reference, current = np.array([10.0, 20.0, 30.0, 40.0]), np.array([40.0, 30.0, 20.0, 10.0])
    expected = stats.entropy(reference, current) + stats.entropy(current, reference)
    assert psi_of_counts(reference, current) == pytest.approx(expected, abs=1e-12)


def test_psi_by_hand() -> None:
    # bins (-inf, 2] and (2, inf): shares (0.5, 0.5) and (0.25, 0.75)
    psi = population_stability_index(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 3.0, 3.5, 9.0]), bins=2)
    # no unknown values on either side: their bin has the smallest share on both and adds nothing
    assert psi == pytest.approx(-0.25 * log(0.5) + 0.25 * log(1.5), rel=1e-3)


def test_unknown_values_are_a_bin_of_their_own() -> None:
    values = np.arange(100.0)
    half_unknown = np.where(np.arange(100) % 2, values, np.nan)
    assert population_stability_index(values, half_unknown) > 1
    assert population_stability_index(half_unknown, half_unknown) == pytest.approx(0)
    assert bin_counts(np.array([np.nan, 1.0, 2.0, np.nan]), np.array([1.0])).tolist() == [1, 1, 2]


def test_repeated_values_share_one_edge() -> None:
    constant = np.full(50, 3.0)
    assert quantile_edges(constant, 10).tolist() == [3.0]
    assert population_stability_index(constant, constant) == pytest.approx(0)
    assert population_stability_index(constant, constant + 1) > 1


def test_nothing_known_is_unknown_not_equal() -> None:
    empty, known = np.zeros(0), np.arange(3.0)
    assert np.isnan(ks_statistic(empty, known))
    assert np.isnan(ks_statistic(known, np.array([np.nan])))
    assert np.isnan(population_stability_index(empty, known))
    assert np.isnan(cramers_v(np.zeros(2), np.ones(2)))


def test_a_hundred_times_the_data_gives_the_same_effect() -> None:
    quantiles = (np.arange(200) + 0.5) / 200
    reference, current = stats.norm.ppf(quantiles), stats.norm.ppf(quantiles) + 0.1
    small = ks_statistic(reference, current), population_stability_index(reference, current)
    large = [np.tile(sample, 100) for sample in (reference, current)]
    assert (ks_statistic(*large), population_stability_index(*large)) == pytest.approx(small)


def test_sixty_columns_of_a_hundred_thousand_rows_take_seconds_not_minutes() -> None:
    random = np.random.default_rng(1)
    reference, current = random.normal(size=100_000), random.normal(size=100_000)
    began = perf_counter()
    ks_statistic(reference, current)
    population_stability_index(reference, current)
    assert perf_counter() - began < 0.5  # 60 of them in half a minute at worst; about 2 s on an idle machine
