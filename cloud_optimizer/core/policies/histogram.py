"""The exponential-bucket histogram of the Vertical Pod Autoscaler, for many workloads at once.

Source: kubernetes/autoscaler, vertical-pod-autoscaler/pkg/recommender/util/{histogram,histogram_options}.go. Bucket n
starts at first * (1.05^n - 1) / 0.05. Weights are relative: the decay is applied by the caller as time goes on. VPA
ignores weights below an epsilon of 1e-4; its samples weigh .1 and more as time goes on, so that no sample is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import Resource

Array = NDArray[np.float64]

GROWTH = 0.05
BUCKETS = 176
FIRST_BUCKET: dict[Resource, float] = {"cpu": 0.01, "memory": 1e7}
"""Size of the first bucket: 0.01 core, 10 MB."""


def bucket_start(bucket: NDArray[np.intp] | int, first: float) -> Array:
    """Return where a bucket starts; bucket 37 of CPU starts at 0.01 * (1.05^37 - 1) / 0.05 = 1.0163 cores."""
    return np.asarray(first * ((1.0 + GROWTH) ** np.asarray(bucket) - 1.0) / GROWTH)


def bucket_of(values: Array, first: float) -> NDArray[np.intp]:
    """Return the bucket that holds each value; 1.0 core falls in ln(1 * 0.05 / 0.01 + 1) / ln 1.05 = 36.7, so 36."""
    number = np.floor(np.log(np.maximum(values, 0.0) * GROWTH / first + 1.0) / np.log(1.0 + GROWTH))
    return np.clip(np.where(values < first, 0, number), 0, BUCKETS - 1).astype(np.intp)


@dataclass
class Histogram:
    """Weights of n workloads in `BUCKETS` buckets, shape [n, BUCKETS]; it changes as samples come in."""

    weights: Array
    first: float

    @classmethod
    def empty(cls, count: int, resource: Resource) -> "Histogram":
        """Return a histogram without samples for `count` workloads."""
        return cls(np.zeros((count, BUCKETS)), FIRST_BUCKET[resource])

    def decay(self, factor: float) -> None:
        """Multiply all weights; percentiles of what is held do not change, later samples count for more."""
        self.weights *= factor

    def add(self, values: Array, weights: Array) -> None:
        """Add samples [n, m] with weights that broadcast to [n, m]; NaN is no sample."""
        known = np.isfinite(values)
        row = np.broadcast_to(np.arange(len(values))[:, None], values.shape)[known]
        bucket = bucket_of(values[known], self.first)
        weight = np.broadcast_to(weights, values.shape)[known]
        total = np.bincount(row * BUCKETS + bucket, weight, minlength=self.weights.size)
        self.weights += total.reshape(self.weights.shape)

    def percentile(self, level: float) -> Array:
        """Return the end of the first bucket whose cumulative weight reaches `level`, shape [n]; NaN when empty.

        There is no interpolation; the last bucket answers with its start.
        """
        cumulative = np.cumsum(self.weights, axis=1)
        total = cumulative[:, -1]
        reached = np.argmax(cumulative >= (level * total)[:, None], axis=1)
        end = bucket_start(np.minimum(reached + 1, BUCKETS - 1), self.first)
        return np.where(total > 0.0, end, np.nan)
