"""Quantiles averaged over several learners: their errors differ, so the mean is sharper than each."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

import numpy as np

from cloud_optimizer.core.forecasting.catboost_quantiles import CatBoostQuantiles
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.design import Design
from cloud_optimizer.core.forecasting.examples import Examples
from cloud_optimizer.core.forecasting.lightgbm_quantiles import LightGBMQuantiles
from cloud_optimizer.core.forecasting.regressor import Parameters, QuantileRegressor, shares
from cloud_optimizer.core.forecasting.xgboost_quantiles import XGBoostQuantiles
from cloud_optimizer.core.panel import FloatArray

MEMBERS_FILE: Final = "_members.json"


class AveragedQuantiles:
    """The mean of the boosted learners' quantiles, level by level (Vincent averaging)."""

    kinds: ClassVar[Mapping[str, type[QuantileRegressor]]] = {
        "lightgbm": LightGBMQuantiles,
        "xgboost": XGBoostQuantiles,
        "catboost": CatBoostQuantiles,
    }

    def __init__(self, members: Mapping[str, QuantileRegressor]) -> None:
        self._members = members

    @property
    def curve(self) -> tuple[float, ...]:
        """Return nothing: the learners' curves do not add up."""
        return ()

    @classmethod
    def fit(cls, examples: Examples, settings: ForecastSettings, parameters: Parameters) -> "AveragedQuantiles":
        """Fit every learner on the same examples, with its defaults: parameters of one mean nothing to another."""
        del parameters
        return cls({family: kind.fit(examples, settings, {}) for family, kind in cls.kinds.items()})

    def predict(self, design: Design) -> FloatArray:
        """Return quantiles at LEARNED_LEVELS, shape [n, k, H, learned]."""
        quantiles = [np.sort(member.predict(design), axis=-1) for member in self._members.values()]
        return np.asarray(np.mean(quantiles, axis=0), dtype=np.float32)

    def importance(self) -> dict[str, float]:
        """Return the mean share of each feature, in descending order."""
        members = [member.importance() for member in self._members.values()]
        return shares({name: sum(member[name] for member in members) for name in members[0]})

    def save(self, folder: Path, stem: str) -> None:
        """Write the native files of every learner, and which they are."""
        for member in self._members.values():
            member.save(folder, stem)
        (folder / f"{stem}{MEMBERS_FILE}").write_text(json.dumps(list(self._members)), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, stem: str) -> "AveragedQuantiles":
        """Read what `save` wrote."""
        members = json.loads((folder / f"{stem}{MEMBERS_FILE}").read_text(encoding="utf-8"))
        return cls({family: cls.kinds[family].load(folder, stem) for family in members})
