"""What is provisioned today."""

import numpy as np

from cloud_optimizer.core.policies.history import History
from cloud_optimizer.core.policies.plan import Plan


class Static:
    """Keep the provisioned capacity, whatever it becomes."""

    name = "static"

    def plan(self, history: History) -> Plan:
        """Return no proposal at any decision: a replay starts from the provisioned capacity and keeps it."""
        return Plan(history.decisions, np.full((len(history.data.usage), len(history.decisions)), np.nan))
