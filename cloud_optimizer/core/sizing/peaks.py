"""The chance that tomorrow's peak passes a size: how far daily peaks went beyond those of the week before them.

Right for memory, where one sample over the limit kills the process, so that the event counts and not how long it
lasts. Each workload's own ratios are mixed with the fleet's, which stand for a few days of its own.
"""

from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.panel import FloatArray
from cloud_optimizer.core.sizing.curve import Array, ExceedanceCurve

RATIOS: Final = np.concatenate([[1.0], 1.0 + np.geomspace(0.005, 3.0, 60)])
"""Candidate sizes, as multiples of the highest peak of the reference window: 0 to 300 % above it."""


class PeakSettings(BaseModel):
    """How ratios are remembered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: timedelta = Field(default=timedelta(days=7), description="Window whose highest peak is the base.")
    daily_decay: float = Field(default=0.97, gt=0, le=1, description="Weight of a day relative to the day after it.")
    fleet_days: float = Field(default=10.0, ge=0, description="Days of its own that the fleet's ratios stand for.")


class PeakRatios:
    """Ratios of n workloads, day by day: `observe` a day's peaks, then ask for the curve of the next day.

    Args:
        count: Workloads n.
        settings: How ratios are remembered.
    """

    def __init__(self, count: int, settings: PeakSettings) -> None:
        self.settings = settings
        self._recent = np.full((count, settings.reference // timedelta(days=1)), np.nan)
        self._above = np.zeros((count, len(RATIOS)))
        self._days = np.zeros(count)
        self._fleet = np.linspace(0.2, 0.0, len(RATIOS))  # before any ratio is known
        self._fleet_days = 0.0

    @property
    def reference(self) -> Array:
        """Highest peak of the reference window, shape [n]; NaN without one."""
        return np.asarray(np.fmax.reduce(self._recent, axis=1))

    def observe(self, peaks: NDArray[np.floating]) -> None:
        """Take the peaks of one day, shape [n]; NaN is unobserved."""
        reference = self.reference
        ratio = np.divide(peaks, reference, out=np.full_like(reference, np.nan), where=reference > 0.0)
        known = np.isfinite(ratio)
        decay = self.settings.daily_decay
        if known.any():
            above = ratio[known, None] > RATIOS
            self._above[known] = self._above[known] * decay + above
            self._days[known] = self._days[known] * decay + 1.0
            weight = self._fleet_days * decay
            self._fleet = (self._fleet * weight + above.mean(axis=0)) / (weight + 1.0)
            self._fleet_days = weight + 1.0
        self._recent = np.concatenate([self._recent[:, 1:], np.asarray(peaks, dtype=np.float64)[:, None]], axis=1)

    def curve(self, provisioned: Array) -> ExceedanceCurve:
        """Return the chance that the coming day's peak exceeds each candidate, as a curve.

        Args:
            provisioned: Capacity today, shape [n]: what a workload cannot exceed, nor has to; NaN is unknown.
        """
        reference = self.reference
        most = np.fmax(provisioned, reference)
        mixed = self._above + self.settings.fleet_days * self._fleet
        chance = mixed / (self._days + max(self.settings.fleet_days, 1e-9))[:, None]
        capacities = np.fmin(reference[:, None] * RATIOS, most[:, None])
        chance = np.where(capacities >= most[:, None], 0.0, chance)
        chance[:, -1] = 0.0
        unknown = ~np.isfinite(reference)
        capacities[unknown] = 0.0
        chance[unknown] = np.nan
        return ExceedanceCurve.from_exceedance(capacities, chance)


def daily_peaks(usage: FloatArray, slots_per_day: int, slot_of_day: int) -> FloatArray:
    """Return the highest usage of each UTC day, shape [n, days]; the first and last day may be partial."""
    first = (-slot_of_day) % slots_per_day
    starts = np.arange(first, usage.shape[1], slots_per_day)
    starts = starts if first == 0 else np.concatenate([[0], starts])
    return np.asarray(np.fmax.reduceat(usage, starts, axis=1)) if usage.shape[1] else usage
