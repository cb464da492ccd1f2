"""From the few quantiles a model learns to the calibrated ten of a forecast.

Levels between and beyond the learned ones are drawn in normal scores; then each level is shifted until it is right
on the newest out-of-time window: Romano, Patterson, Candes (2019), "Conformalized quantile regression", one-sided
per level, in the unit of the residual.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.contracts import QUANTILE_LEVELS
from cloud_optimizer.core.panel import FloatArray

LEVELS: Final = np.asarray(QUANTILE_LEVELS)

LEARNED_LEVELS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Levels a model is trained for; all ten were no better on any trace and take twice the time."""

MEDIAN: Final = QUANTILE_LEVELS.index(0.5)


class Calibration(BaseModel):
    """What the out-of-time window taught about one target."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    offsets: list[float] = Field(description="Conformal shift of each level, in the unit of the residual.")
    distrusted: list[str] = Field(description="Workloads on which the learned median lost to the base.")


def expanded(learned: FloatArray) -> FloatArray:
    """Return all ten levels of quantiles at the learned ones, shape [..., levels] of shape [..., learned].

    Linear in the normal score of the level: 0.99 extends the line through 0.75 and 0.95, whose scores are 0.674,
    1.645 and 2.326.
    """
    from scipy.special import ndtri

    known, asked = ndtri(np.asarray(LEARNED_LEVELS)), ndtri(LEVELS)
    left = np.clip(np.searchsorted(known, asked, side="right") - 1, 0, len(known) - 2)
    share = (asked - known[left]) / (known[left + 1] - known[left])
    weights = np.zeros((len(known), len(asked)))
    weights[left, np.arange(len(asked))] = 1 - share
    weights[left + 1, np.arange(len(asked))] += share
    return rearranged(rearranged(learned) @ weights.astype(np.float32))


def level_offsets(predicted: FloatArray, actual: FloatArray) -> NDArray[np.float64]:
    """Return what to add to each level so that the stated share of `actual` lies below it; the median stays.

    Args:
        predicted: Quantiles, shape [rows, levels].
        actual: What came, shape [rows]; NaN is left out.

    Returns:
        Shape [levels]; zero where nothing is known.
    """
    errors = actual[:, None] - predicted
    errors = errors[~np.isnan(actual)]
    if not len(errors):
        return np.zeros(len(LEVELS))
    offsets = np.array([np.quantile(errors[:, i], level) for i, level in enumerate(LEVELS)])
    offsets[MEDIAN] = 0.0
    return offsets


def rearranged(quantiles: FloatArray) -> FloatArray:
    """Return the quantiles in ascending order along the last axis.

    Sorting never makes a quantile curve worse (Chernozhukov, Fernandez-Val, Galichon 2010).
    """
    return np.sort(quantiles, axis=-1)
