"""Quantiles averaged over several learners: their errors differ, so the mean is sharper than each."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from cloud_optimizer.core.forecasting.catboost_quantiles import CatBoostQuantiles
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.design import Design
from cloud_optimizer.core.forecasting.examples import Examples
from cloud_optimizer.core.forecasting.lightgbm_quantiles import LightGBMQuantiles
from cloud_optimizer.core.forecasting.regressor import Parameters, QuantileRegressor, shares
from cloud_optimizer.core.forecasting.xgboost_quantiles import XGBoostQuantiles
from cloud_optimizer.core.panel import FloatArray


class AveragedQuantiles:
    """The mean of the boosted learners' quantiles, level by level (Vincent averaging)."""

    kinds: ClassVar[tuple[type[QuantileRegressor], ...]] = (LightGBMQuantiles, XGBoostQuantiles, CatBoostQuantiles)

    def __init__(self, members: Sequence[QuantileRegressor]) -> None:
        self._members = members

    @property
    def curve(self) -> tuple[float, ...]:
        """Return nothing: the learners' curves do not add up."""
        return ()

    @classmethod
    def fit(cls, examples: Examples, settings: ForecastSettings, parameters: Parameters) -> "AveragedQuantiles":
        """Fit every learner on the same examples, with its defaults: parameters of one mean nothing to another."""
        del parameters
        return cls([kind.fit(examples, settings, {}) for kind in cls.kinds])

    def predict(self, design: Design) -> FloatArray:
        """Return quantiles at LEARNED_LEVELS, shape [n, k, H, learned]."""
        quantiles = [np.sort(member.predict(design), axis=-1) for member in self._members]
        return np.asarray(np.mean(quantiles, axis=0), dtype=np.float32)

    def importance(self) -> dict[str, float]:
        """Return the mean share of each feature, in descending order."""
        members = [member.importance() for member in self._members]
        return shares({name: sum(member[name] for member in members) for name in members[0]})

    def save(self, folder: Path, stem: str) -> None:
        """Write the native files of every learner."""
        for member in self._members:
            member.save(folder, stem)

    @classmethod
    def load(cls, folder: Path, stem: str) -> "AveragedQuantiles":
        """Read what `save` wrote."""
        return cls([kind.load(folder, stem) for kind in cls.kinds])
