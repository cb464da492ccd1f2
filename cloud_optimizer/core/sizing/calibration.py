"""Corrects stated risks by what happened to those stated before.

A capacity is chosen where its curve looks best, so that curves are too hopeful exactly where they are used; and no
history shows surges it has not seen. Both show in the past of the same policy, and are corrected from it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EDGES: Final = np.concatenate([[0.0], np.geomspace(1e-4, 1.0, 17)])
"""Bands of stated risk: below 0.01 %, then four a decade."""

CENTRES: Final = np.concatenate([[5e-5], np.sqrt(EDGES[1:-1] * EDGES[2:])])

PRIOR_EVENTS: Final = np.minimum(50.0 * CENTRES, 0.5)
"""Expected shortages by which a band is drawn to the correction of all together: those of 50 periods, at most half."""


class RiskCalibration:
    """Observed against stated risk by band, older days counting less.

    Args:
        half_life_days: Age at which a day counts half.
    """

    def __init__(self, half_life_days: float = 90.0) -> None:
        self._half_life = half_life_days
        self._stated, self._observed = np.zeros((2, len(CENTRES)))

    def record(self, stated: NDArray[np.floating], observed: NDArray[np.floating], days: float) -> None:
        """Take what was stated and what happened in the time since the last record, shape [m] each; NaN is ignored."""
        known = np.isfinite(stated) & np.isfinite(observed)
        band = _band(stated[known])
        keep = 0.5 ** (days / self._half_life)
        size = len(CENTRES)
        self._stated = self._stated * keep + np.bincount(band, np.maximum(stated[known], CENTRES[0]), minlength=size)
        self._observed = self._observed * keep + np.bincount(band, observed[known], minlength=size)

    def apply(self, stated: NDArray[np.floating]) -> Array:
        """Return corrected risks of any shape, non-decreasing in the stated one and at most 1; NaN stays."""
        overall = (self._observed.sum() + PRIOR_EVENTS.max()) / (self._stated.sum() + PRIOR_EVENTS.max())
        factor = (self._observed + PRIOR_EVENTS * overall) / (self._stated + PRIOR_EVENTS)
        corrected = np.maximum.accumulate(CENTRES * factor)
        at = np.log(np.clip(stated, CENTRES[0], CENTRES[-1]))
        return np.asarray(np.minimum(np.exp(np.interp(at, np.log(CENTRES), np.log(corrected))), 1.0))


def _band(stated: NDArray[np.floating]) -> NDArray[np.intp]:
    return np.clip(np.searchsorted(EDGES, stated, side="right") - 1, 0, len(CENTRES) - 1).astype(np.intp)
