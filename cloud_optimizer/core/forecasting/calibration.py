"""Conformal calibration of quantiles: shift each level until it is right on the newest out-of-time window.

Romano, Patterson, Candes (2019), "Conformalized quantile regression", one-sided per level, on the link scale.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import QUANTILE_LEVELS
from cloud_optimizer.core.panel import FloatArray

LEVELS: Final = np.asarray(QUANTILE_LEVELS)


def level_offsets(predicted: FloatArray, actual: FloatArray) -> NDArray[np.float64]:
    """Return what to add to each level so that the stated share of `actual` lies below it.

    Args:
        predicted: Quantiles on the link scale, shape [rows, levels].
        actual: What came, shape [rows]; NaN is left out.

    Returns:
        Shape [levels]; zero where nothing is known.
    """
    errors = actual[:, None] - predicted
    errors = errors[~np.isnan(actual)]
    if not len(errors):
        return np.zeros(len(LEVELS))
    return np.array([np.quantile(errors[:, i], level) for i, level in enumerate(LEVELS)])


def rearranged(quantiles: FloatArray) -> FloatArray:
    """Return the quantiles in ascending order along the last axis.

    Sorting never makes a quantile curve worse (Chernozhukov, Fernandez-Val, Galichon 2010).
    """
    return np.sort(quantiles, axis=-1)
