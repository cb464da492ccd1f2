"""What a direct forecaster asks of a learner: quantiles of the residual."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.design import Design
from cloud_optimizer.core.forecasting.examples import Examples
from cloud_optimizer.core.panel import FloatArray

Parameters = Mapping[str, float]
"""Hyper-parameters by name, see `search_space`."""


class QuantileRegressor(Protocol):
    """A model of the residual's quantiles."""

    @property
    def curve(self) -> tuple[float, ...]:
        """Loss by round or epoch, as the learner reports it; empty for a loaded model."""
        ...

    @classmethod
    def fit(cls, examples: Examples, settings: ForecastSettings, parameters: Parameters) -> "QuantileRegressor":
        """Fit on examples; `parameters` replace the learner's defaults."""
        ...

    def predict(self, design: Design) -> FloatArray:
        """Return quantiles at LEARNED_LEVELS, shape [n, k, H, learned]; runs on one thread, several at a time."""
        ...

    def importance(self) -> dict[str, float]:
        """Return the share of each feature in what was learned, in descending order; empty where none is defined."""
        ...

    def save(self, folder: Path, stem: str) -> None:
        """Write native files whose names begin with `stem`."""
        ...

    @classmethod
    def load(cls, folder: Path, stem: str) -> "QuantileRegressor":
        """Read what `save` wrote."""
        ...


def flat_features(design: Design) -> FloatArray:
    """Return the design as rows, shape [n * k * H, f]."""
    return design.features.reshape(-1, len(design.names))


def unflattened(quantiles: FloatArray, design: Design) -> FloatArray:
    """Return quantiles of rows in the design's shape, [n, k, H, learned]."""
    return np.asarray(quantiles, dtype=np.float32).reshape(*design.base.shape, -1)


def rows_per_leaf(rows: int) -> int:
    """Return the smallest leaf: 200 rows, fewer where there are little more than a week of a few workloads."""
    return int(np.clip(rows // 50, 1, 200))


def shares(gains: dict[str, float]) -> dict[str, float]:
    """Return gains as shares of their sum, in descending order."""
    total = sum(gains.values()) or 1.0
    return {name: gain / total for name, gain in sorted(gains.items(), key=lambda item: -item[1])}
