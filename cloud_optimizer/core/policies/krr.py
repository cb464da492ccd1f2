"""The strategies of Robusta KRR: percentile of CPU over two weeks, maximum of memory with a buffer.

Source: robusta-dev/krr, robusta_krr/strategies/{simple,simple_limit}.py. A workload here is one pod.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from cloud_optimizer.core.contracts import Resource
from cloud_optimizer.core.policies.history import History
from cloud_optimizer.core.policies.plan import Array, Plan

WINDOW = timedelta(hours=336)
POINTS_REQUIRED = 100
MEMORY_BUFFER = 1.15
OUT_OF_MEMORY_BUFFER = 1.25
SMALLEST: dict[Resource, float] = {"cpu": 0.01, "memory": 100e6}
ROUNDING: dict[Resource, float] = {"cpu": 0.001, "memory": float(2**20)}


@dataclass(frozen=True)
class Krr:
    """CPU request = a percentile, memory request = maximum * 1.15; undefined below 100 points.

    Args:
        name: Name in tables.
        cpu_level: 0.95 for `simple`, 0.66 for `simple_limit`, whose limit P96 counts on spare capacity of the node: a
            replay provisions the request.
    """

    name: str = "krr_simple"
    cpu_level: float = 0.95

    def plan(self, history: History) -> Plan:
        """Return the request at every decision, rounded up to 1 millicore or 1 MiB."""
        statistics = history.statistics(WINDOW)
        memory = statistics.maximum * MEMORY_BUFFER
        raw = history.quantile(WINDOW, self.cpu_level) if history.resource == "cpu" else memory
        defined = np.where(statistics.count >= POINTS_REQUIRED, raw, np.nan)
        return Plan(history.decisions, rounded_up(defined, history.resource))


def rounded_up(values: Array, resource: Resource) -> Array:
    """Apply the floor of 10 millicores or 100 MB and round up to 1 millicore or 1 MiB; NaN stays."""
    step = ROUNDING[resource]
    raised = np.where(np.isfinite(values), np.maximum(values, SMALLEST[resource]), np.nan)
    exact = 1.0 - 1e-7  # samples are float32: 1.33 must not become 1.331
    return np.asarray(np.ceil(raised / step * exact) * step)


def memory_after_kill(maximum: Array, killed_limit: Array) -> Array:
    """Return the memory of KRR's OOM option: the buffered maximum, or the limit that was too small * 1.25."""
    return np.fmax(maximum * MEMORY_BUFFER, killed_limit * OUT_OF_MEMORY_BUFFER)
