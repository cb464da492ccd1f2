"""The learned exceedance: calibrated on hours it has not seen, causal, and silent where it knows nothing."""

import numpy as np

from cloud_optimizer.core.sizing.learned import LearnedExceedance, LearnedSettings
from cloud_optimizer_tests.core.policies.fleet import data_of, random_usage

SETTINGS = LearnedSettings(rows=20_000, rows_per_hour=200, trees=40, minimum_leaf_rows=100)


def fitted_at(hour: int, usage: np.ndarray) -> LearnedExceedance:
    model = LearnedExceedance(data_of(usage, capacity=8.0), lag=0, floor=0.04, unit=1.0, settings=SETTINGS)
    model.advance(hour)
    model.refit()
    return model


def test_stated_shares_come_true_on_later_hours() -> None:
    usage = random_usage(5, workloads=30, slots=24 * 21, gaps=0.0)
    model = fitted_at(24 * 14, usage)
    stated, seen = [], []
    for hour in range(24 * 14, 24 * 21):
        model.advance(hour)
        capacity = np.full(30, 1.6)
        stated.append(model.curve().risk(capacity))
        seen.append(usage[:, hour] > capacity)
    assert np.mean(seen) > 0.05
    assert abs(np.mean(stated) / np.mean(seen) - 1.0) < 0.2


def test_curve_does_not_depend_on_what_comes_after() -> None:
    past = random_usage(6, workloads=6)
    changed = past.copy()
    changed[:, 300:] = 50.0
    before, after = (fitted_at(300, usage).curve() for usage in (past, changed))
    np.testing.assert_array_equal(before.exceedance, after.exceedance)


def test_too_few_rows_give_no_model_and_no_trust() -> None:
    model = LearnedExceedance(data_of(np.ones((1, 60))), lag=0, floor=0.04, unit=1.0, settings=SETTINGS)
    model.advance(30)
    model.refit()
    assert not model.trusted
    assert np.isnan(model.curve().exceedance).all()


def test_a_workload_without_a_day_of_history_has_no_curve() -> None:
    usage = random_usage(7, workloads=6, gaps=0.0)
    usage[0, :290] = np.nan
    curve = fitted_at(300, usage).curve()
    assert np.isnan(curve.exceedance[0]).all()
    assert np.isfinite(curve.exceedance[1:]).all()


def test_a_model_worse_than_history_is_not_trusted() -> None:
    usage = random_usage(8, workloads=6, gaps=0.0)
    model = fitted_at(24 * 12, usage)
    assert model.trusted

    class Wrong:
        def predict(self, features: np.ndarray, num_threads: int) -> np.ndarray:
            return np.full(len(features), 0.999 * num_threads)

    model._model = Wrong()  # type: ignore[assignment]
    model.advance(24 * 19)
    model.refit()
    assert not model.trusted
