"""Policies that take one statistic of a trailing window: Crane, moving maximum, P99."""

from dataclasses import dataclass
from datetime import timedelta

from cloud_optimizer.core.policies.history import History
from cloud_optimizer.core.policies.plan import Plan


@dataclass(frozen=True)
class WindowQuantile:
    """A quantile of the trailing window, times a margin.

    Args:
        name: Name in tables.
        length: Window.
        level: Quantile, one of `history.LEVELS`; 1 is the maximum.
        margin: Factor; Crane (gocrane/crane, pkg/recommendation) takes P99 * 1.15 over 168 h.
    """

    name: str
    length: timedelta
    level: float
    margin: float = 1.0

    def plan(self, history: History) -> Plan:
        """Return the statistic before every decision."""
        values = (
            history.statistics(self.length).maximum if self.level == 1.0 else history.quantile(self.length, self.level)
        )
        return Plan(history.decisions, values * self.margin)
