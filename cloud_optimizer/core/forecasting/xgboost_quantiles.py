"""Quantile regression by XGBoost: one model of all levels, kept as UBJ."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cloud_optimizer.core.forecasting.calibration import LEARNED_LEVELS
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.design import Design
from cloud_optimizer.core.forecasting.examples import Examples
from cloud_optimizer.core.forecasting.regressor import Parameters, flat_features, rows_per_leaf, shares, unflattened
from cloud_optimizer.core.panel import FloatArray

if TYPE_CHECKING:
    import xgboost

PARAMETERS: Final[Mapping[str, object]] = {
    "objective": "reg:quantileerror",
    "num_boost_round": 30,
    "quantile_alpha": LEARNED_LEVELS,
    "tree_method": "hist",
    "grow_policy": "lossguide",
    "max_leaves": 7,
    "max_depth": 0,
    "max_bin": 63,
    "eta": 0.16,
    "subsample": 0.5,
    "colsample_bytree": 0.4,
}


class XGBoostQuantiles:
    """One XGBoost model with a tree a round and level."""

    def __init__(self, booster: "xgboost.Booster", curve: tuple[float, ...] = ()) -> None:
        booster.set_param({"nthread": 1})  # forecasts run in parallel by batch
        self._booster = booster
        self._curve = curve

    @property
    def curve(self) -> tuple[float, ...]:
        """Training loss over all levels by round."""
        return self._curve

    @classmethod
    def fit(cls, examples: Examples, settings: ForecastSettings, parameters: Parameters) -> "XGBoostQuantiles":
        """Fit all levels, see `QuantileRegressor`."""
        import xgboost

        features, residual, weight = examples.rows()
        names = list(examples.design.names)
        rows = xgboost.QuantileDMatrix(
            features, residual, weight=weight, feature_names=names, max_bin=63, nthread=settings.threads
        )
        own = {"nthread": settings.threads, "seed": settings.seed, "min_child_weight": rows_per_leaf(len(residual))}
        common: dict[str, Any] = {**PARAMETERS, **own, **parameters}
        rounds = int(common.pop("num_boost_round"))
        recorded: dict[str, dict[str, list[float]]] = {}
        booster = xgboost.train(
            common, rows, rounds, evals=[(rows, "train")], evals_result=recorded, verbose_eval=False
        )
        return cls(booster, tuple(recorded["train"]["quantile"]))

    def predict(self, design: Design) -> FloatArray:
        """Return quantiles at LEARNED_LEVELS, shape [n, k, H, learned]."""
        rows = flat_features(design)
        return unflattened(self._booster.inplace_predict(rows, validate_features=False), design)

    def importance(self) -> dict[str, float]:
        """Return the share of the gain each feature brought."""
        gains = self._booster.get_score(importance_type="total_gain")
        names = self._booster.feature_names or []
        return shares({name: float(np.sum(gains.get(name, 0.0))) for name in names})

    def save(self, folder: Path, stem: str) -> None:
        """Write one UBJ file."""
        self._booster.save_model(folder / f"{stem}.ubj")

    @classmethod
    def load(cls, folder: Path, stem: str) -> "XGBoostQuantiles":
        """Read what `save` wrote."""
        import xgboost

        return cls(xgboost.Booster(model_file=folder / f"{stem}.ubj"))
