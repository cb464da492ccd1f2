"""The hindsight bound: the true maximum of the coming period, which no policy can know."""

from dataclasses import dataclass

import numpy as np

from cloud_optimizer.core.policies.history import History
from cloud_optimizer.core.policies.plan import Plan
from cloud_optimizer.core.replay.data import PERIOD, Cadence


@dataclass(frozen=True)
class Oracle:
    """The next period's maximum, at its own cadence whatever the replay's.

    Args:
        cadence: Daily or hourly.
    """

    cadence: Cadence

    @property
    def name(self) -> str:
        """Name in tables."""
        return f"oracle_{self.cadence}"

    def plan(self, history: History) -> Plan:
        """Return the maximum over the slots during which each proposal is in force; unknown periods are undefined."""
        data = history.data
        decisions = data.decisions(self.cadence, int(history.decisions[0]))
        period = data.slots(PERIOD[self.cadence])
        target = np.full((len(data.usage), len(decisions)), np.nan)
        for column, decision in enumerate(decisions):
            begin = int(decision) + history.lag
            coming = data.usage[:, begin : begin + period]
            if coming.shape[1]:
                target[:, column] = np.fmax.reduce(coming, axis=1)
        return Plan(decisions, target)
