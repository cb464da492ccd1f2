"""The Vertical Pod Autoscaler: decaying histogram, margin, confidence bounds, and the updater that acts on them.

Source: kubernetes/autoscaler, vertical-pod-autoscaler/pkg/recommender/logic/{recommender,estimator}.go, model/
{aggregate_container_state,container}.go and pkg/updater/priority. A workload here is one container of one pod.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import Resource
from cloud_optimizer.core.policies.histogram import Histogram
from cloud_optimizer.core.policies.history import History
from cloud_optimizer.core.policies.plan import Plan
from cloud_optimizer.core.replay.data import ReplayData

Array = NDArray[np.float64]

MARGIN = 1.15
SMALLEST: dict[Resource, float] = {"cpu": 0.025, "memory": 250.0 * 2**20}
CPU_WEIGHT_PER_MINUTE = 0.1
SAMPLES_PER_DAY = 1440.0
UPDATE_AGE = timedelta(hours=12)
UPDATE_DIFFERENCE = 0.1


@dataclass(frozen=True)
class Estimate:
    """Recommendation of n containers, shape [n] each; NaN without a sample."""

    lower: Array
    target: Array
    upper: Array


def estimate(histogram: Histogram, confidence: Array, resource: Resource) -> Estimate:
    """Return target P90, lower P50 and upper P95, with margin, confidence, minimum and rounding.

    Worked number: a steady 1.0 core gives P90 = 1.01628 (its bucket's end); times 1.15 that is 1.1687, so 1.169.
    """
    sure = np.maximum(confidence, 1e-12)
    target = histogram.percentile(0.9) * MARGIN
    upper = histogram.percentile(0.95) * MARGIN * (1.0 + 1.0 / sure)
    lower = histogram.percentile(0.5) * MARGIN * (1.0 + 0.001 / sure) ** -2
    return Estimate(*(_amount(values, resource) for values in (lower, target, upper)))


def _amount(values: Array, resource: Resource) -> Array:
    """Return amounts as VPA states them: at least the minimum, up to the next millicore, or in whole bytes."""
    raised = np.where(np.isfinite(values), np.maximum(values, SMALLEST[resource]), np.nan)
    return np.asarray(np.ceil(raised * 1000.0 - 1e-6) / 1000.0 if resource == "cpu" else np.floor(raised))


def out_of_memory_sample(peak: Array, request: Array) -> Array:
    """Return the memory sample an OOM kill leaves: the used memory plus 100 MiB or 20 %, whichever is more."""
    used = np.maximum(peak, request)
    return np.asarray(np.maximum(used + 100.0 * 2**20, used * 1.2))


class VerticalPodAutoscaler:
    """VPA with its updater: acts outside the bounds, or on a difference of 10 % once the pod is 12 h old."""

    name = "vpa"

    def plan(self, history: History) -> Plan:
        """Return target and bounds at every decision, streaming over the slots between decisions."""
        stream = _CpuStream(history) if history.resource == "cpu" else _MemoryStream(history)
        steps = []
        for decision in history.decisions:
            histogram = stream.advance(int(decision))
            confidence = confidence_of(stream.samples, stream.lifespan_days(int(decision)), history.data)
            steps.append(estimate(histogram, confidence, history.resource))
        age = history.data.slots(UPDATE_AGE)
        return Plan(
            history.decisions,
            np.stack([step.target for step in steps], axis=1),
            np.stack([step.lower for step in steps], axis=1),
            np.stack([step.upper for step in steps], axis=1),
            patience=age,
            tolerance=UPDATE_DIFFERENCE,
        )


def confidence_of(samples: Array, lifespan_days: Array, data: ReplayData) -> Array:
    """Return min(lifespan in days, samples / 1440); a sample of k minutes stands for k one-minute samples."""
    minutes = data.step / timedelta(minutes=1)
    return np.minimum(lifespan_days, samples * minutes / SAMPLES_PER_DAY)


class _Stream:
    """Samples seen so far: when the first one came and how many there are."""

    def __init__(self, history: History) -> None:
        self.data = history.data
        self.histogram = Histogram.empty(len(history.data.usage), history.resource)
        self.position = 0
        self.samples = np.zeros(len(history.data.usage))
        self.first = np.full(len(history.data.usage), -1)

    def lifespan_days(self, decision: int) -> Array:
        """Return the days since the first sample, shape [n]."""
        age = np.where(self.first >= 0, decision - self.first, 0)
        return np.asarray(age / self.data.slots_per_day)

    def take(self, decision: int) -> Array:
        """Return the usage since the last call, shape [n, m], and count it."""
        fresh = self.data.usage[:, self.position : decision].astype(np.float64)
        known = np.isfinite(fresh)
        first = self.position + np.argmax(known, axis=1) if fresh.shape[1] else self.first
        self.first = np.where((self.first < 0) & known.any(axis=1), first, self.first)
        self.samples += known.sum(axis=1)
        self.position = decision
        return fresh


class _CpuStream(_Stream):
    def advance(self, decision: int) -> Histogram:
        """Return the histogram of all samples before `decision`, each weighing 2^(age in days) less."""
        before = self.position
        fresh = self.take(decision)
        half_life = self.data.slots_per_day
        self.histogram.decay(2.0 ** ((before - decision) / half_life))
        weight = CPU_WEIGHT_PER_MINUTE * (self.data.step / timedelta(minutes=1))
        self.histogram.add(fresh, weight * 2.0 ** ((np.arange(before, decision) - decision) / half_life))
        return self.histogram


class _MemoryStream(_Stream):
    """One peak a container and 24 h window, stamped at the window's end; the window in progress counts too.

    Windows are UTC days here; VPA's begin with each container.
    """

    def __init__(self, history: History) -> None:
        super().__init__(history)
        self.peak = np.full(len(history.data.usage), np.nan)

    def advance(self, decision: int) -> Histogram:
        """Return the histogram of the daily peaks before `decision`."""
        while self.position < decision:
            end_of_day = self._end_of_day(self.position)
            fresh = self.take(min(decision, end_of_day))
            self.peak = np.fmax(self.peak, np.fmax.reduce(fresh, axis=1))
            if self.position == end_of_day:
                self.histogram.decay(0.5)
                self.histogram.add(self.peak[:, None], np.ones((1, 1)))
                self.peak = np.full_like(self.peak, np.nan)
        current = Histogram(self.histogram.weights.copy(), self.histogram.first)
        current.add(self.peak[:, None], np.full((1, 1), 2.0))  # stamped a day after the last whole window
        return current

    def _end_of_day(self, slot: int) -> int:
        day = self.data.slots_per_day
        return slot + day - (slot + self.data.slot_of_day) % day
