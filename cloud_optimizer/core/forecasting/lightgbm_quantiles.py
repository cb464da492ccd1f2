"""Quantile regression by LightGBM: one small model a level, kept as text."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cloud_optimizer.core.contracts import quantile_column
from cloud_optimizer.core.forecasting.calibration import LEARNED_LEVELS
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.design import Design
from cloud_optimizer.core.forecasting.examples import Examples
from cloud_optimizer.core.forecasting.regressor import Parameters, flat_features, rows_per_leaf, shares, unflattened
from cloud_optimizer.core.panel import FloatArray

if TYPE_CHECKING:
    import lightgbm

PARAMETERS: Final[Mapping[str, object]] = {
    "objective": "quantile",
    "num_iterations": 25,
    "num_leaves": 31,
    "learning_rate": 0.18,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.4,
    "bagging_freq": 1,
    "max_bin": 63,
    "bin_construct_sample_cnt": 20_000,
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
    "feature_pre_filter": False,
}


class LightGBMQuantiles:
    """One small LightGBM model a level."""

    def __init__(self, boosters: Mapping[float, "lightgbm.Booster"], curve: tuple[float, ...] = ()) -> None:
        self._boosters = boosters
        self._curve = curve

    @property
    def curve(self) -> tuple[float, ...]:
        """Training loss of the median by round."""
        return self._curve

    @classmethod
    def fit(cls, examples: Examples, settings: ForecastSettings, parameters: Parameters) -> "LightGBMQuantiles":
        """Fit every level, see `QuantileRegressor`."""
        import lightgbm

        features, residual, weight = examples.rows()
        names = list(examples.design.names)
        own = {"num_threads": settings.threads, "seed": settings.seed, "min_data_in_leaf": rows_per_leaf(len(residual))}
        common: dict[str, Any] = {**PARAMETERS, **own, **parameters}
        rows = lightgbm.Dataset(features, residual, weight=weight, feature_name=names, params=common)
        recorded: dict[str, dict[str, list[float]]] = {}
        boosters = {}
        for level in LEARNED_LEVELS:
            watched = [lightgbm.record_evaluation(recorded)] if level == 0.5 else []
            watch = [rows] if level == 0.5 else []
            boosters[level] = lightgbm.train({**common, "alpha": level}, rows, valid_sets=watch, callbacks=watched)
        return cls(boosters, tuple(recorded["training"]["quantile"]))

    def predict(self, design: Design) -> FloatArray:
        """Return quantiles at LEARNED_LEVELS, shape [n, k, H, learned]."""
        rows = flat_features(design)
        columns = [booster.predict(rows, num_threads=1) for booster in self._boosters.values()]
        return unflattened(np.stack(columns, axis=-1), design)

    def importance(self) -> dict[str, float]:
        """Return the share of the gain each feature brought to the median."""
        median = self._boosters[0.5]
        gains = median.feature_importance("gain")
        return shares({name: float(gain) for name, gain in zip(median.feature_name(), gains, strict=True)})

    def save(self, folder: Path, stem: str) -> None:
        """Write one text file a level."""
        for level, booster in self._boosters.items():
            booster.save_model(folder / f"{stem}_{quantile_column(level)}.txt")

    @classmethod
    def load(cls, folder: Path, stem: str) -> "LightGBMQuantiles":
        """Read what `save` wrote."""
        import lightgbm

        boosters = {
            level: lightgbm.Booster(model_file=folder / f"{stem}_{quantile_column(level)}.txt")
            for level in LEARNED_LEVELS
        }
        return cls(boosters)
