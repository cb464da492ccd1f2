"""The link scale on which models learn: demand over its level, pressed by asinh.

asinh(3x) is linear near zero and logarithmic above a third of the level, so silence is no singularity and one global
model serves workloads of every size.
"""

from typing import Final

import numpy as np

from cloud_optimizer.core.panel import FloatArray

LINK_GAIN: Final = 3.0


def to_link(demand: FloatArray, scale: FloatArray) -> FloatArray:
    """Return asinh(3 demand / scale)."""
    return np.asarray(np.arcsinh(demand * (np.float32(LINK_GAIN) / scale)), dtype=np.float32)


def from_link(value: FloatArray, scale: FloatArray) -> FloatArray:
    """Return the demand whose `to_link` is `value`, never negative."""
    return np.asarray(np.maximum(np.sinh(value) * (scale / np.float32(LINK_GAIN)), 0), dtype=np.float32)
