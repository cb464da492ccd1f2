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

PRIOR: Final = np.sign(0.5 - LEVELS) * np.log(2 * np.minimum(LEVELS, 1 - LEVELS))
"""Quantiles of the residual before anything is known: Laplace of scale 1, its unit being a mean absolute error."""

PRIOR_WINDOWS: Final = 2

WINDOW_ERRORS: Final = 2
"""Independent errors that the intervals of one forecast are worth: they err together."""


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


def level_offsets(predicted: FloatArray, actual: FloatArray, windows: int) -> NDArray[np.float64]:
    """Return what to add to each level so that the stated share of `actual` lies below it; the median stays.

    Few windows teach little about what comes next, so levels lie further out: by the (n + 1) / n of split conformal
    prediction, and towards PRIOR where that is wider, which counts for PRIOR_WINDOWS.

    Args:
        predicted: Quantiles of the residual, shape [rows, levels].
        actual: What came, shape [rows]; NaN is left out.
        windows: Forecasts that the rows are made of and that were unknown to the model; 0 where it knew them all.

    Returns:
        Shape [levels]; zero where nothing is known.
    """
    known = ~np.isnan(actual)
    if not known.any():
        return np.zeros(len(LEVELS))
    errors = actual[known, None] - predicted[known]
    upper = np.arange(len(LEVELS)) > MEDIAN
    tail = corrected_tails(windows)
    offsets = np.array([np.quantile(errors[:, i], share) for i, share in enumerate(np.where(upper, 1 - tail, tail))])
    missing = PRIOR - predicted[known].mean(axis=0) - offsets
    offsets += np.where(upper, np.maximum(missing, 0), np.minimum(missing, 0)) * (
        PRIOR_WINDOWS / (PRIOR_WINDOWS + windows)
    )
    offsets[MEDIAN] = 0.0
    return offsets


def corrected_tails(windows: int) -> NDArray[np.float64]:
    """Return the share of observed errors beyond each level that leaves the stated share of new ones, shape [levels].

    1 - (1 - tail) (n + 1) / n, at least 0, with n = 2 windows: 0.05 of 280 windows is 0.0483, of 9 it is 0.
    """
    tail = np.minimum(LEVELS, 1 - LEVELS)
    return np.asarray(np.maximum(tail - (1 - tail) / max(WINDOW_ERRORS * windows, 1), 0))


def rearranged(quantiles: FloatArray) -> FloatArray:
    """Return the quantiles in ascending order along the last axis.

    Sorting never makes a quantile curve worse (Chernozhukov, Fernandez-Val, Galichon 2010).
    """
    return np.sort(quantiles, axis=-1)
