"""The focal loss as a boosting objective: well-classified rows weigh less, so rare events are not drowned.

Lin et al. (2017), "Focal loss for dense object detection": -w (1 - q)^g log q, with q the probability given to what
happened and w = alpha for events, 1 - alpha else. With g = 0 it is the weighted log loss.
"""

from typing import Final

import numpy as np

from cloud_optimizer.core.evaluation.classification import Labels
from cloud_optimizer.core.evaluation.metrics import Float64Array

SMALLEST: Final = 1e-12
SMALLEST_HESSIAN: Final = 1e-6  # the loss is not convex everywhere, boosting needs a positive curvature


def focal_loss(score: Float64Array, label: Labels, gamma: float, alpha: float) -> Float64Array:
    """Loss of raw scores (log-odds), shape [rows]. Example: score 0, an event, g = 2, alpha = .25: .0433."""
    given, weight = _given(score, label, alpha)
    return np.asarray(-weight * (1 - given) ** gamma * np.log(given))


def focal_derivatives(
    score: Float64Array, label: Labels, gamma: float, alpha: float
) -> tuple[Float64Array, Float64Array]:
    """First and second derivative of the loss by the raw score, the second kept positive.

    With q' = s q (1 - q), s = 1 for events and -1 else:
    gradient = s w (1 - q)^g (g q log q - (1 - q)), and its own derivative by the chain rule.
    """
    given, weight = _given(score, label, alpha)
    rest, log = 1 - given, np.log(given)
    inner = gamma * given * log - rest
    gradient = np.where(label, 1.0, -1.0) * weight * rest**gamma * inner
    slope = rest**gamma * (gamma * log + gamma + 1) - gamma * rest ** (gamma - 1) * inner
    hessian = weight * slope * given * rest
    return gradient, np.maximum(hessian, SMALLEST_HESSIAN)


def _given(score: Float64Array, label: Labels, alpha: float) -> tuple[Float64Array, Float64Array]:
    probability = 1 / (1 + np.exp(-np.clip(score, -500, 500)))
    given = np.clip(np.where(label, probability, 1 - probability), SMALLEST, 1 - SMALLEST)
    return given, np.where(label, alpha, 1 - alpha)
