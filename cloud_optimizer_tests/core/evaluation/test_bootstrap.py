"""Paired statistics against numbers worked by hand and against simulated truth."""

import numpy as np
import pytest

from cloud_optimizer.core.evaluation import bootstrap


def _losses(seed: int = 0, workloads: int = 30, days: int = 28) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.exp(np.random.default_rng(seed).normal(size=(workloads, days)))


def test_a_gain_in_every_cell_is_certain() -> None:
    losses = _losses()
    test = bootstrap.gain_test(0.9 * losses, losses, alpha=0.05, resamples=200, seed=0)
    assert test.gain == pytest.approx(0.1)
    assert test.lower == pytest.approx(0.1)
    assert test.p_value < 1e-6


def test_equal_models_have_no_gain() -> None:
    losses = _losses()
    test = bootstrap.gain_test(losses, losses, alpha=0.05, resamples=200, seed=0)
    assert (test.gain, test.p_value) == (0.0, 1.0)


def test_the_same_losses_give_the_same_verdict() -> None:
    arguments = (_losses(1), _losses(2), 0.05, 200, 7)
    assert bootstrap.gain_test(*arguments) == bootstrap.gain_test(*arguments)


def test_a_gain_on_one_workload_only_is_not_significant() -> None:
    incumbent = np.ones((20, 28))
    candidate = incumbent.copy()
    candidate[0] = 0.0  # 5 % less in total, all of it on one workload
    assert bootstrap.gain_test(candidate, incumbent, 0.05, 500, 0).p_value > 0.05


def test_a_gain_on_one_day_only_is_not_significant() -> None:
    incumbent = np.ones((20, 20))
    candidate = incumbent.copy()
    candidate[:, 3] = 0.0
    assert bootstrap.gain_test(candidate, incumbent, 0.05, 500, 0).p_value > 0.05


def test_the_bootstrap_error_matches_theory_where_only_workloads_vary() -> None:
    # gains of the workloads ~ N(0, 0.1): the standard error of their mean is 0.1 / sqrt(100) = 0.01
    gains = np.random.default_rng(0).normal(0, 0.1, (100, 1))
    incumbent = np.ones((100, 20))
    test = bootstrap.gain_test(incumbent * (1 - gains), incumbent, 0.05, 2000, 0)
    assert test.standard_error == pytest.approx(np.std(gains, ddof=1) / 10, rel=0.1)


def test_a_large_fleet_is_drawn_in_groups_with_the_same_error() -> None:
    gains = np.random.default_rng(0).normal(0, 0.1, (20_000, 1))
    incumbent = np.ones((20_000, 8))
    test = bootstrap.gain_test(incumbent * (1 - gains), incumbent, 0.05, 1000, 0)
    assert test.standard_error == pytest.approx(0.1 / np.sqrt(20_000), rel=0.1)
    groups = bootstrap.random_groups(20_000, np.random.default_rng(0))
    assert len(groups.starts) == bootstrap.MOST_UNITS
    assert set(np.diff(groups.starts)) == {10}


def test_few_workloads_do_not_look_sure() -> None:
    # two workloads with gains 1 % and 9 %: the standard error of the mean is 0.04, with one degree of freedom
    incumbent = np.ones((2, 40))
    test = bootstrap.gain_test(incumbent * np.array([[0.99], [0.91]]), incumbent, 0.05, 4000, 0)
    assert test.standard_error == pytest.approx(0.04, rel=0.05)
    assert test.degrees_of_freedom == pytest.approx(1.0, abs=0.01)
    assert test.p_value > 0.2


def test_drawn_blocks_are_runs_of_days_and_fill_the_window() -> None:
    counts = bootstrap.block_counts(days=9, block=3, resamples=200, rng=np.random.default_rng(0))
    assert counts.sum(axis=1).tolist() == [9.0] * 200
    assert counts.mean(axis=0) == pytest.approx(np.ones(9), abs=0.25)
    once = bootstrap.block_counts(days=4, block=4, resamples=5, rng=np.random.default_rng(0))
    assert once.tolist() == [[1.0] * 4] * 5


@pytest.mark.parametrize(("days", "length"), [(1, 1), (7, 2), (14, 2), (28, 3), (60, 4)])
def test_block_length_is_the_cube_root(days: int, length: int) -> None:
    assert bootstrap.block_days(days) == length


def test_effective_count_is_the_worked_example() -> None:
    assert bootstrap.effective_count(np.ones((4, 1))) == 4
    assert bootstrap.effective_count(np.array([[9.0], [1.0], [1.0], [1.0]])) == pytest.approx(144 / 84)


def test_standardised_workloads_count_alike_and_equal_models_stay_exchangeable() -> None:
    candidate, incumbent = _losses(1) * 1000, _losses(2)
    a, b = bootstrap.standardised(candidate, incumbent)
    assert (a + b).mean(axis=1) == pytest.approx(np.ones(30))
    swapped = bootstrap.standardised(incumbent, candidate)
    assert np.array_equal(a, swapped[1])
    assert np.array_equal(b, swapped[0])


def test_an_idle_workload_is_not_blown_up() -> None:
    candidate, incumbent = np.ones((2, 3)), np.ones((2, 3))
    candidate[1], incumbent[1] = 1e-9, 3e-9
    a, b = bootstrap.standardised(candidate, incumbent)
    assert max(a[1].max(), b[1].max()) < 1e-5


def test_diebold_mariano_is_the_worked_example() -> None:
    # 4 days, blocks of round(cbrt(4)) = 2: one lag. d = (1, 3, 2, 2), mean 2, centred (-1, 1, 0, 0):
    # g0 = 2 / 4, g1 = -1 / 4, Bartlett weight 1/2: long-run variance 0.5 - 0.25 = 0.25, of the mean 0.0625;
    # factor (4 + 1 - 4 + 2 / 4) / 4 = 0.375: 2 / 0.25 * sqrt(0.375) = 4.899
    incumbent = np.array([[2.0, 4.0, 3.0, 3.0]])
    statistic, p_value = bootstrap.diebold_mariano(np.ones((1, 4)), incumbent)
    assert statistic == pytest.approx(4.899, abs=1e-3)
    assert p_value == pytest.approx(0.00814, abs=1e-4)  # t distribution with 3 degrees of freedom


def test_diebold_mariano_is_unknown_without_variation() -> None:
    assert np.isnan(bootstrap.diebold_mariano(np.ones((2, 9)), np.full((2, 9), 2.0))).all()
    assert np.isnan(bootstrap.diebold_mariano(np.ones((2, 2)), np.ones((2, 2)))).all()


def test_holm_is_the_worked_example() -> None:
    assert bootstrap.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert bootstrap.holm([]) == []
    assert bootstrap.holm([0.6, 0.9]) == [1.0, 1.0]
