"""Fleets of which the truth is known: losses of two models with a given true gain."""

from dataclasses import dataclass

import numpy as np

from cloud_optimizer.core.evaluation.metrics import Float64Array


@dataclass(frozen=True)
class Fleet:
    """How losses vary. Spreads are standard deviations of the logarithm.

    Args:
        workloads: Number of workloads.
        days: Number of days.
        sizes: Spread of the workloads' sizes; 1.5 makes 50 workloads count like a handful in the pooled loss.
        taste: Spread of how well one model suits a workload.
        mood: Spread of how well one model does on a day.
        noise: Spread of a model's loss in a single cell.
    """

    workloads: int = 50
    days: int = 28
    sizes: float = 1.5
    taste: float = 0.04
    mood: float = 0.03
    noise: float = 0.2

    def difficulty(self, rng: np.random.Generator) -> Float64Array:
        """Loss common to all models: sizes, days that go on being hard, and cells, [n, D]."""
        days = np.zeros(self.days)
        for day in range(self.days):
            days[day] = 0.6 * days[day - 1] + rng.normal(0, 0.3)
        size = rng.normal(0, self.sizes, (self.workloads, 1))
        return np.exp(size + days + rng.normal(0, 0.5, (self.workloads, self.days)))

    def model(self, difficulty: Float64Array, gain: float, rng: np.random.Generator) -> Float64Array:
        """Losses of one model whose true loss is 1 - gain of the others', [n, D]."""
        spread = rng.normal(0, self.taste, (self.workloads, 1)) + rng.normal(0, self.mood, self.days)
        cells = rng.normal(0, self.noise, difficulty.shape)
        return np.asarray(difficulty * (1 - gain) * np.exp(spread + cells))
