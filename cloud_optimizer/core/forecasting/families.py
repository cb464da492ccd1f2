"""The forecasting families by name: the one list that assets, backtests and the champion gate read."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.contract import FittedForecaster, Forecaster
from cloud_optimizer.core.forecasting.direct import DirectForecaster
from cloud_optimizer.core.forecasting.naive import NaiveForecaster
from cloud_optimizer.core.forecasting.regressor import Parameters
from cloud_optimizer.core.forecasting.saved import read_description
from cloud_optimizer.core.forecasting.search_space import SEARCH_SPACES


def _naive(name: str) -> Callable[[], Forecaster]:
    def make() -> Forecaster:
        return NaiveForecaster(name)

    return make


def _autotheta() -> Forecaster:
    from cloud_optimizer.core.forecasting.theta import ThetaRegressor

    return DirectForecaster("autotheta", ThetaRegressor, guarded=False)  # its own point forecasts, good or bad


def _lightgbm() -> Forecaster:
    from cloud_optimizer.core.forecasting.lightgbm_quantiles import LightGBMQuantiles

    return DirectForecaster("lightgbm", LightGBMQuantiles)


def _xgboost() -> Forecaster:
    from cloud_optimizer.core.forecasting.xgboost_quantiles import XGBoostQuantiles

    return DirectForecaster("xgboost", XGBoostQuantiles)


def _catboost() -> Forecaster:
    from cloud_optimizer.core.forecasting.catboost_quantiles import CatBoostQuantiles

    return DirectForecaster("catboost", CatBoostQuantiles)


def _lstm() -> Forecaster:
    from cloud_optimizer.core.forecasting.recurrent import LSTMRegressor

    return DirectForecaster("lstm", LSTMRegressor, refit=False)


def _gru() -> Forecaster:
    from cloud_optimizer.core.forecasting.recurrent import GRURegressor

    return DirectForecaster("gru", GRURegressor, refit=False)


def _blend() -> Forecaster:
    from cloud_optimizer.core.forecasting.averaged import AveragedQuantiles

    return DirectForecaster("blend", AveragedQuantiles)


FORECASTERS: Final[dict[str, Callable[[], Forecaster]]] = {
    "seasonal_naive": _naive("seasonal_naive"),
    "last_value": _naive("last_value"),
    "autotheta": _autotheta,
    "lightgbm": _lightgbm,
    "xgboost": _xgboost,
    "catboost": _catboost,
    "lstm": _lstm,
    "gru": _gru,
    "blend": _blend,
}
"""Family name to a factory; calling it imports nothing heavy, fitting does."""


def tuned(family: str, parameters: Parameters) -> Forecaster:
    """Return a family whose learner uses other hyper-parameters than its defaults.

    Raises:
        InputError: A parameter is not in the family's search space.
    """
    unknown = sorted(set(parameters) - set(SEARCH_SPACES.get(family, {})))
    if unknown:
        msg = (
            f"{family} has no hyper-parameter {unknown[0]}; it has {', '.join(SEARCH_SPACES.get(family, {})) or 'none'}"
        )
        raise InputError(msg)
    forecaster = FORECASTERS[family]()
    return replace(forecaster, parameters=parameters) if isinstance(forecaster, DirectForecaster) else forecaster


def load_fitted(folder: Path) -> FittedForecaster:
    """Read a saved forecaster of any family.

    Raises:
        InputError: The folder holds no saved forecaster.
    """
    return FORECASTERS[read_description(folder).family]().load(folder)
