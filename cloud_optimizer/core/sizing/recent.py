"""The exceedance curve of a workload's own history: recent days count most, older ones keep their bursts in mind."""

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.sizing.curve import Array, ExceedanceCurve


class RecentSettings(BaseModel):
    """How history is weighed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lookback: timedelta = Field(default=timedelta(days=40), description="History that counts at all.")
    daily_decay: float = Field(default=0.6, gt=0, le=1, description="Weight of a day relative to the day after it.")
    long_memory: float = Field(
        default=0.35, ge=0, le=1, description="Share of the weight spread evenly over the lookback."
    )


def sample_weights(slots: int, slots_per_day: int, settings: RecentSettings) -> Array:
    """Return the weight of each slot of a window that ends now, shape [slots]; they sum to 1.

    Worked: two days of one slot, decay 0.5, long memory 0.4: (0.6 * 1/3 + 0.2, 0.6 * 2/3 + 0.2) = (0.4, 0.6).
    """
    age = np.arange(slots - 1, -1, -1) // slots_per_day
    recent = settings.daily_decay**age
    return np.asarray((1.0 - settings.long_memory) * recent / recent.sum() + settings.long_memory / slots)


def recent_curve(window: NDArray[np.float32], slots_per_day: int, settings: RecentSettings) -> ExceedanceCurve:
    """Return the weighted curve of the usage before a decision.

    Args:
        window: Usage up to the decision, shape [n, m]; NaN is unobserved. Only the lookback at its end counts.
        slots_per_day: Slots in a day.
        settings: How history is weighed.
    """
    slots = min(window.shape[1], round(settings.lookback / timedelta(days=1) * slots_per_day))
    samples = window[:, window.shape[1] - slots :]
    if not slots:
        samples, slots = np.full((len(window), 1), np.nan, dtype=np.float32), 1
    return ExceedanceCurve.from_samples(samples, sample_weights(slots, slots_per_day, settings))
