"""Where our policy gets its expectation of shortage from: each workload's own history, or the learned model."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from cloud_optimizer.core.policies.history import History
from cloud_optimizer.core.sizing.curve import ExceedanceCurve
from cloud_optimizer.core.sizing.learned import LearnedExceedance, LearnedSettings
from cloud_optimizer.core.sizing.recent import RecentSettings, recent_curve

BLOCK = 64
"""Workloads whose own curve is computed at once: 60 days at 5 minutes are 9 MB of samples."""


class CurveSource(Protocol):
    """Expected shortage until the next decision."""

    def curves(self, history: History) -> Iterator[tuple[slice, int, ExceedanceCurve]]:
        """Yield (workloads, column of the decision, curve), looking at slots before the decision only."""
        ...


@dataclass(frozen=True)
class OwnHistory:
    """The weighted curve of each workload's own past.

    Args:
        recent: How history is weighed.
    """

    recent: RecentSettings

    def curves(self, history: History) -> Iterator[tuple[slice, int, ExceedanceCurve]]:
        """Yield the curves, decision by decision."""
        for column, decision in enumerate(history.decisions):
            yield from ((rows, column, curve) for rows, curve in self.at(history, int(decision)))

    def at(self, history: History, decision: int) -> Iterator[tuple[slice, ExceedanceCurve]]:
        """Yield the curves of one decision."""
        window = history.window(decision, self.recent.lookback)
        for first in range(0, len(window), BLOCK):
            rows = slice(first, first + BLOCK)
            yield rows, recent_curve(window[rows], history.data.slots_per_day, self.recent)


@dataclass(frozen=True)
class LearnedModel:
    """The fleet's learned exceedance of the coming hour, refitted as time goes on.

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

    def curves(self, history: History) -> Iterator[tuple[slice, int, ExceedanceCurve]]:
        """Yield the curves, decision by decision; decisions are on whole hours."""
        model = LearnedExceedance(history.data, history.lag, self.floor, self.unit, self.learned)
        refit = history.data.slots(self.learned.refit)
        fitted_at: int | None = None
        for column, decision in enumerate(history.decisions):
            model.advance(model.demand.hour_of(int(decision)))
            if fitted_at is None or decision - fitted_at >= refit:
                model.refit()
                fitted_at = int(decision)
            if model.trusted:
                yield slice(None), column, model.curve()
            else:
                yield from ((rows, column, curve) for rows, curve in self.fallback.at(history, int(decision)))
