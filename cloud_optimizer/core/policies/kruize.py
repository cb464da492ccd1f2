"""The cost and performance engines of Kruize.

Source: kruize/autotune, analyzer/recommendations/engine (cost: CPU P60; performance: CPU P98, or the maximum below one
core; memory: the smaller of maximum * 1.2 and maximum + spike * 1.05). A trace has one value an interval, so a spike is
the rise from one to the next.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from cloud_optimizer.core.policies.history import History
from cloud_optimizer.core.policies.plan import Array, Plan

WINDOW = timedelta(days=7)
"""Kruize's medium term."""


@dataclass(frozen=True)
class Kruize:
    """One engine of Kruize.

    Args:
        name: Name in tables.
        cpu_level: 0.6 for the cost engine, 0.98 for the performance engine.
        maximum_below_one_core: Take the maximum of workloads that never reach one core.
    """

    name: str
    cpu_level: float
    maximum_below_one_core: bool

    def plan(self, history: History) -> Plan:
        """Return the request before every decision."""
        if history.resource == "memory":
            return Plan(history.decisions, _memory(history))
        maximum = history.statistics(WINDOW).maximum
        values = history.quantile(WINDOW, self.cpu_level)
        if self.maximum_below_one_core:
            values = np.where(maximum < 1.0, maximum, values)
        return Plan(history.decisions, values)


def _memory(history: History) -> Array:
    maximum = history.statistics(WINDOW).maximum
    rises = np.maximum(np.diff(history.data.usage, axis=1, prepend=np.nan), 0.0)
    spike = np.full_like(maximum, np.nan)
    for column, decision in enumerate(history.decisions):
        window = rises[:, max(decision - history.data.slots(WINDOW), 0) : decision]
        spike[:, column] = np.fmax.reduce(window, axis=1, initial=0.0)
    return np.asarray(np.minimum(maximum * 1.2, maximum + spike * 1.05))
