"""Quantile regression by CatBoost: one model of all levels, kept as cbm."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloud_optimizer.core.forecasting.calibration import LEARNED_LEVELS
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.design import Design
from cloud_optimizer.core.forecasting.examples import Examples
from cloud_optimizer.core.forecasting.regressor import Parameters, flat_features, rows_per_leaf, shares, unflattened
from cloud_optimizer.core.panel import FloatArray

if TYPE_CHECKING:
    import catboost

PARAMETERS: Final[Mapping[str, object]] = {
    "loss_function": f"MultiQuantile:alpha={','.join(map(str, LEARNED_LEVELS))}",
    "iterations": 40,
    "learning_rate": 0.15,
    "depth": 4,
    "border_count": 63,
    "rsm": 0.4,
    "bootstrap_type": "Bernoulli",
    "subsample": 0.5,
    "allow_writing_files": False,
    "verbose": False,
}


class CatBoostQuantiles:
    """One CatBoost model of symmetric trees with a leaf value a level."""

    def __init__(self, model: "catboost.CatBoost", curve: tuple[float, ...] = ()) -> None:
        self._model = model
        self._curve = curve

    @property
    def curve(self) -> tuple[float, ...]:
        """Training loss over all levels by round."""
        return self._curve

    @classmethod
    def fit(cls, examples: Examples, settings: ForecastSettings, parameters: Parameters) -> "CatBoostQuantiles":
        """Fit all levels, see `QuantileRegressor`."""
        import catboost

        features, residual, weight = examples.rows()
        names = list(examples.design.names)
        rows = catboost.Pool(features, residual, weight=weight, feature_names=names, thread_count=settings.threads)
        own = {
            "thread_count": settings.threads,
            "random_seed": settings.seed,
            "min_data_in_leaf": rows_per_leaf(len(residual)),
        }
        model = catboost.CatBoost({**PARAMETERS, **own, **parameters}).fit(rows)
        (losses,) = model.get_evals_result()["learn"].values()
        return cls(model, tuple(losses))

    def predict(self, design: Design) -> FloatArray:
        """Return quantiles at LEARNED_LEVELS, shape [n, k, H, learned]."""
        return unflattened(self._model.predict(flat_features(design), thread_count=1), design)

    def importance(self) -> dict[str, float]:
        """Return the share each feature has in the change of predictions."""
        gains = self._model.get_feature_importance(type="PredictionValuesChange")
        return shares({name: float(gain) for name, gain in zip(self._model.feature_names_, gains, strict=True)})

    def save(self, folder: Path, stem: str) -> None:
        """Write one cbm file."""
        self._model.save_model(str(folder / f"{stem}.cbm"))

    @classmethod
    def load(cls, folder: Path, stem: str) -> "CatBoostQuantiles":
        """Read what `save` wrote."""
        import catboost

        return cls(catboost.CatBoost().load_model(str(folder / f"{stem}.cbm")))
