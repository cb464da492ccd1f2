"""What a direct forecaster asks of a learner: quantiles of the residual, given features."""

from pathlib import Path
from typing import Protocol

import numpy as np

from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.panel import FloatArray


class QuantileRegressor(Protocol):
    """A model of the residual's quantiles, given features."""

    @classmethod
    def fit(
        cls,
        features: FloatArray,
        target: FloatArray,
        weight: FloatArray,
        names: tuple[str, ...],
        settings: ForecastSettings,
    ) -> "QuantileRegressor":
        """Fit on rows of known target.

        Args:
            features: Shape [rows, f]; NaN is unknown.
            target: Shape [rows].
            weight: Shape [rows].
            names: Feature names, f of them.
            settings: Threads and seed.
        """
        ...

    def importance(self) -> dict[str, float]:
        """Return the share of the gain each feature brought, in descending order."""
        ...

    def predict(self, features: FloatArray) -> FloatArray:
        """Return quantiles at LEARNED_LEVELS, shape [rows, learned]."""
        ...

    def save(self, folder: Path, stem: str) -> None:
        """Write native files whose names begin with `stem`."""
        ...

    @classmethod
    def load(cls, folder: Path, stem: str, settings: ForecastSettings) -> "QuantileRegressor":
        """Read what `save` wrote."""
        ...


def rows_per_leaf(rows: int) -> int:
    """Return the smallest leaf: 200 rows, fewer where there are little more than a week of a few workloads."""
    return int(np.clip(rows // 50, 1, 200))


def shares(gains: dict[str, float]) -> dict[str, float]:
    """Return gains as shares of their sum, in descending order."""
    total = sum(gains.values()) or 1.0
    return {name: gain / total for name, gain in sorted(gains.items(), key=lambda item: -item[1])}
