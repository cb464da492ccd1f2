"""The focal loss is the published one and its derivatives are its derivatives."""

import numpy as np
import pytest

from cloud_optimizer.core.peak_risk.focal import focal_derivatives, focal_loss

SCORE = np.linspace(-6, 6, 97)


@pytest.mark.parametrize("event", [True, False])
@pytest.mark.parametrize(("gamma", "alpha"), [(0.0, 0.5), (1.0, 0.25), (2.0, 0.25), (3.5, 0.9)])
def test_gradient_and_curvature_match_finite_differences(event: bool, gamma: float, alpha: float) -> None:
    label = np.full(SCORE.shape, event)
    gradient, hessian = focal_derivatives(SCORE, label, gamma, alpha)
    step = 1e-3
    loss = [focal_loss(SCORE + shift, label, gamma, alpha) for shift in (-step, 0.0, step)]
    assert gradient == pytest.approx((loss[2] - loss[0]) / (2 * step), abs=1e-6)
    curvature = (loss[2] - 2 * loss[1] + loss[0]) / step**2
    assert hessian == pytest.approx(np.maximum(curvature, 1e-6), abs=1e-5)


def test_worked_example() -> None:
    # q = 0.5: 0.25 * 0.25 * ln 2 = 0.0433
    assert focal_loss(np.zeros(1), np.ones(1, dtype=np.bool_), 2.0, 0.25)[0] == pytest.approx(0.0433, abs=1e-4)


def test_without_focus_it_is_half_the_log_loss() -> None:
    label = SCORE > 1
    log_loss = np.logaddexp(0, np.where(label, -SCORE, SCORE))
    assert focal_loss(SCORE, label, 0.0, 0.5) == pytest.approx(log_loss / 2)


def test_extreme_scores_stay_finite() -> None:
    score = np.array([-1e4, 1e4])
    for event in (True, False):
        label = np.full(2, event)
        gradient, hessian = focal_derivatives(score, label, 2.0, 0.25)
        assert np.isfinite([*gradient, *hessian, *focal_loss(score, label, 2.0, 0.25)]).all()
        assert (hessian > 0).all()
