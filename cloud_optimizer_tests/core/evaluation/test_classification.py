"""Metrics of rare events against numbers worked by hand and against scikit-learn."""

import numpy as np
import pytest

from cloud_optimizer.core.evaluation import classification

LABEL = np.array([True, False, True, False])
PROBABILITY = np.array([0.9, 0.8, 0.6, 0.1])


def test_worked_examples() -> None:
    curve = classification.precision_recall(LABEL, PROBABILITY)
    assert curve.precision.tolist() == pytest.approx([1, 1 / 2, 2 / 3, 1 / 2])
    assert curve.recall.tolist() == pytest.approx([0.5, 0.5, 1, 1])
    assert classification.pr_auc(LABEL, PROBABILITY) == pytest.approx(5 / 6)
    assert classification.recall_at_precision(LABEL, PROBABILITY, 0.9) == 0.5
    assert classification.mcc(LABEL, PROBABILITY >= 0.6) == pytest.approx(0.577, abs=1e-3)
    assert classification.best_threshold(LABEL, PROBABILITY) == 0.9
    assert classification.brier(LABEL, PROBABILITY) == pytest.approx(0.205)


def test_ties_share_one_threshold() -> None:
    curve = classification.precision_recall(LABEL, np.full(4, 0.5))
    assert curve.precision.tolist() == [0.5]
    assert classification.pr_auc(LABEL, np.full(4, 0.5)) == 0.5


def test_values_agree_with_scikit_learn() -> None:
    from sklearn.metrics import average_precision_score, matthews_corrcoef

    rng = np.random.default_rng(0)
    label = rng.random(2000) < 0.05
    probability = np.round(np.clip(0.3 * label + rng.random(2000) * 0.5, 0, 1), 2)
    assert classification.pr_auc(label, probability) == pytest.approx(average_precision_score(label, probability))
    alarm = probability >= classification.best_threshold(label, probability)
    assert classification.mcc(label, alarm) == pytest.approx(matthews_corrcoef(label, alarm))
    others = [classification.mcc(label, probability >= value) for value in np.unique(probability)]
    assert classification.mcc(label, alarm) == pytest.approx(max(others))


def test_no_event_is_unknown_not_perfect() -> None:
    nothing = np.zeros(4, dtype=np.bool_)
    assert np.isnan(classification.pr_auc(nothing, PROBABILITY))
    assert np.isnan(classification.recall_at_precision(nothing, PROBABILITY, 0.9))
    assert classification.mcc(nothing, PROBABILITY > 1) == 0
    assert classification.best_threshold(nothing, PROBABILITY) == np.inf


def test_reliability_compares_means_bin_by_bin() -> None:
    label = np.array([False, True, True, False])
    diagram = classification.reliability(label, np.array([0.001, 0.003, 0.95, 0.95]))
    assert diagram.predicted == pytest.approx((0.002, 0.95))
    assert diagram.observed == (0.5, 0.5)
    assert diagram.rows == (2, 2)
    assert diagram.calibration_error == pytest.approx((0.498 + 0.45) / 2)


def test_calibration_error_tells_calibrated_from_biased() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(10_000) ** 3
    label = rng.random(10_000) < probability
    assert classification.reliability(label, probability).calibration_error < 0.02
    biased = classification.reliability(label, probability / 2)
    assert biased.calibration_error == pytest.approx(float(np.mean(probability)) / 2, abs=0.02)
