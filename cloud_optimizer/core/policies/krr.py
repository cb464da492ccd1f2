"""The strategies of Robusta KRR: percentile of CPU over two weeks, maximum of memory with a buffer.

Source: robusta-dev/krr, robusta_krr/strategies/{simple,simple_limit}.py. A workload here is one pod.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import Resource
from cloud_optimizer.core.policies.history import History
from cloud_optimizer.core.policies.plan import Array, Plan

Mask = NDArray[np.bool_]

WINDOW = timedelta(hours=336)
POINTS_REQUIRED = 100
MEMORY_BUFFER = 1.15
OUT_OF_MEMORY_BUFFER = 1.25
SMALLEST: dict[Resource, float] = {"cpu": 0.01, "memory": 100e6}
ROUNDING: dict[Resource, float] = {"cpu": 0.001, "memory": float(2**20)}


@dataclass(frozen=True)
class Krr:
    """CPU request = a percentile, memory request = maximum * 1.15; undefined below 100 points or beside an autoscaler.

    Args:
        name: Name in tables.
        cpu_level: 0.95 for `simple`, 0.66 for `simple_limit`, whose limit P96 counts on spare capacity of the node: a
            replay provisions the request.
        autoscaled: Workloads that an autoscaler scales on the resource, less those for which KRR is allowed to size
            them all the same. A trace knows of none.
    """

    name: str = "krr_simple"
    cpu_level: float = 0.95
    autoscaled: frozenset[str] = frozenset()

    def plan(self, history: History) -> Plan:
        """Return the request at every decision, rounded up to 1 millicore or 1 MiB."""
        memory = history.statistics(WINDOW).maximum * MEMORY_BUFFER
        raw = history.quantile(WINDOW, self.cpu_level) if history.resource == "cpu" else memory
        undefined = np.any(list(self.undefined(history).values()), axis=0)
        return Plan(history.decisions, rounded_up(np.where(undefined, np.nan, raw), history.resource))

    def undefined(self, history: History) -> Mapping[str, Mask]:
        """Return where there is no request, by KRR's words for the reason, each [n, D]."""
        count = history.statistics(WINDOW).count
        scaled = np.array([name in self.autoscaled for name in history.data.workload_ids], dtype=np.bool_)
        return {
            "Not enough data": count < POINTS_REQUIRED,
            "HPA detected": np.broadcast_to(scaled[:, None], count.shape),
        }


def rounded_up(values: Array, resource: Resource) -> Array:
    """Apply the floor of 10 millicores or 100 MB and round up to 1 millicore or 1 MiB; NaN stays."""
    step = ROUNDING[resource]
    raised = np.where(np.isfinite(values), np.maximum(values, SMALLEST[resource]), np.nan)
    exact = 1.0 - 1e-7  # samples are float32: 1.33 must not become 1.331
    return np.asarray(np.ceil(raised / step * exact) * step)


def memory_after_kill(maximum: Array, killed_limit: Array) -> Array:
    """Return the memory of KRR's OOM option: the buffered maximum, or the limit that was too small * 1.25."""
    return np.fmax(maximum * MEMORY_BUFFER, killed_limit * OUT_OF_MEMORY_BUFFER)
