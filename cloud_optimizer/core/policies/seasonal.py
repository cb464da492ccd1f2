"""Policies that repeat the day: a quantile of the same hour of earlier days, and yesterday plus its usual error."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from cloud_optimizer.core.policies.history import History, nan_quantile
from cloud_optimizer.core.policies.plan import Plan

DAYS = 14
WINDOW = timedelta(days=DAYS)


@dataclass(frozen=True)
class HourOfDayQuantile:
    """For each coming hour the quantile of that hour over 14 days; the largest of them over the period.

    Args:
        level: Quantile.
    """

    level: float = 0.95
    name: str = "hour_of_day_p95"

    def plan(self, history: History) -> Plan:
        """Return the largest hourly quantile of the period after every decision."""
        hour, day = history.data.slots_per_hour, history.data.slots_per_day
        hours = max(history.period // hour, 1)
        target = np.full((len(history.data.usage), len(history.decisions)), np.nan)
        for column, decision in enumerate(history.decisions):
            starts = int(decision) - day * np.arange(1, DAYS + 1)
            starts = starts[starts >= 0]
            if len(starts):
                slots = starts[:, None] + np.arange(hours * hour)  # [days, slots of the period]
                samples = history.data.usage[:, slots].reshape(-1, len(starts), hours, hour)
                same_hour = samples.transpose(0, 2, 1, 3).reshape(len(samples), hours, -1)
                target[:, column] = np.fmax.reduce(nan_quantile(same_hour, self.level), axis=1)
        return Plan(history.decisions, target)


@dataclass(frozen=True)
class SeasonalNaiveQuantile:
    """The maximum of the same period yesterday, plus a quantile of how much 14 days exceeded the day before.

    Args:
        level: Quantile of the rise against the day before.
    """

    level: float = 0.95
    name: str = "seasonal_naive_p95"

    def plan(self, history: History) -> Plan:
        """Return yesterday's maximum plus the usual rise, at least zero, before every decision."""
        usage, day = history.data.usage, history.data.slots_per_day
        rise = np.full_like(usage, np.nan)
        rise[:, day:] = usage[:, day:] - usage[:, :-day]
        target = np.full((len(usage), len(history.decisions)), np.nan)
        for column, decision in enumerate(history.decisions):
            if decision >= day:
                yesterday = usage[:, decision - day : decision - day + history.period]
                usual = nan_quantile(rise[:, max(decision - history.data.slots(WINDOW), 0) : decision], self.level)
                peak = np.fmax.reduce(yesterday, axis=1).astype(np.float64)
                target[:, column] = peak + np.nan_to_num(np.maximum(usual, 0.0))
        return Plan(history.decisions, target)
