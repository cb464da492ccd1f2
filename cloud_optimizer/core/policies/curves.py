"""Where our policy gets its expectation of shortage from: own history, daily peaks, or the learned model."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cloud_optimizer.core.policies.history import History
from cloud_optimizer.core.sizing.curve import ExceedanceCurve
from cloud_optimizer.core.sizing.learned import LearnedExceedance, LearnedSettings
from cloud_optimizer.core.sizing.peaks import PeakRatios, PeakSettings, daily_peaks
from cloud_optimizer.core.sizing.recent import RecentSettings, recent_curve

BLOCK = 64
"""Workloads whose own curve is computed at once: 40 days at 5 minutes are 6 MB of samples."""


class CurveSource(Protocol):
    """Expected shortage until the next decision."""

    @property
    def counts_periods(self) -> bool:
        """Whether the exceedance is the chance of any sample above, not the share of the time."""
        ...

    def curves(self, history: History) -> Iterator[ExceedanceCurve]:
        """Yield the curve of all workloads for each decision, looking at slots before it only."""
        ...


@dataclass(frozen=True)
class OwnHistory:
    """The weighted curve of each workload's own past.

    Args:
        recent: How history is weighed.
    """

    recent: RecentSettings
    counts_periods: bool = False

    def curves(self, history: History) -> Iterator[ExceedanceCurve]:
        """Yield the curves, decision by decision."""
        for decision in history.decisions:
            yield self.at(history, int(decision))

    def at(self, history: History, decision: int) -> ExceedanceCurve:
        """Return the curve at one decision."""
        window = history.window(decision, self.recent.lookback)
        per_day = history.data.slots_per_day
        parts = [
            recent_curve(window[first : first + BLOCK], per_day, self.recent) for first in range(0, len(window), BLOCK)
        ]
        return ExceedanceCurve(
            np.concatenate([part.capacities for part in parts]),
            np.concatenate([part.exceedance for part in parts]),
            np.concatenate([part.unmet for part in parts]),
        )


@dataclass(frozen=True)
class DailyPeaks:
    """The chance that the coming day's peak passes a size; for decisions at UTC midnights.

    Args:
        peaks: How ratios of peaks are remembered.
    """

    peaks: PeakSettings
    counts_periods: bool = True

    def curves(self, history: History) -> Iterator[ExceedanceCurve]:
        """Yield the curves, decision by decision."""
        data = history.data
        by_day = daily_peaks(data.usage, data.slots_per_day, data.slot_of_day)
        ratios = PeakRatios(len(by_day), self.peaks)
        observed = 0
        provisioned = history.provisioned()
        for column, decision in enumerate(history.decisions):
            today = (int(decision) + data.slot_of_day) // data.slots_per_day  # days since that of the first slot
            for day in range(observed, today):
                ratios.observe(by_day[:, day])
            observed = today
            yield ratios.curve(provisioned[:, column])


@dataclass(frozen=True)
class LearnedModel:
    """The fleet's learned exceedance of the coming hour, refitted as time goes on; decisions are on whole hours.

    Falls back to the workloads' own history before the first fit and while the model does worse than it.

    Args:
        learned: How the model is fitted.
        fallback: What stands in for it.
        floor: Smallest capacity, in the resource's unit.
        unit: What absolute amounts are counted in, in the resource's unit.
    """

    learned: LearnedSettings
    fallback: OwnHistory
    floor: float
    unit: float
    counts_periods: bool = False

    def curves(self, history: History) -> Iterator[ExceedanceCurve]:
        """Yield the curves, decision by decision."""
        model = LearnedExceedance(history.data, history.lag, self.floor, self.unit, self.learned)
        for decision in history.decisions:
            model.advance(model.demand.hour_of(int(decision)))
            if model.due:
                model.refit()
            yield model.curve() if model.trusted else self.fallback.at(history, int(decision))
