"""A local statistical model per series: Theta (Fiorucci and others 2016) by Nixtla's statsforecast.

Type and parameters are estimated per workload at fit time; a forecast runs the recursion over the history before its
origin. Intervals come from the conformal calibration that all families share.
"""

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.forecasting.calibration import LEARNED_LEVELS
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.design import Design
from cloud_optimizer.core.forecasting.examples import Examples
from cloud_optimizer.core.forecasting.history import Positions
from cloud_optimizer.core.forecasting.link import to_link
from cloud_optimizer.core.forecasting.regressor import Parameters
from cloud_optimizer.core.panel import FloatArray


@dataclass(frozen=True)
class ThetaParameters:
    """A theta model of one series.

    Args:
        kind: STM, OTM, DSTM or DOTM: standard or optimised, dynamic or not.
        alpha: Smoothing of the level, 0.1 to 0.99.
        theta: Curvature kept of the second theta line, from 1.
    """

    kind: str
    alpha: float
    theta: float


STANDARD: Final = ThetaParameters("STM", 0.5, 2.0)
"""Of workloads that were not there, or constant, at fit time."""

FEWEST: Final = 2  # seasons a series needs


class ThetaRegressor:
    """Theta as a regressor: every learned level is the point forecast, calibration spreads them."""

    def __init__(self, parameters: Mapping[str, ThetaParameters], season: int) -> None:
        self._parameters = parameters
        self._season = season

    @property
    def curve(self) -> tuple[float, ...]:
        """Return nothing: an estimate has no rounds."""
        return ()

    @classmethod
    def fit(cls, examples: Examples, settings: ForecastSettings, parameters: Parameters) -> "ThetaRegressor":
        """Estimate type and parameters of every workload on the history before the newest origin."""
        del parameters  # it chooses its own
        design = examples.design
        series = zip(design.workload_ids, design.history[:, -1], strict=True)
        estimated = {name: estimate(history, settings.season) for name, history in series}
        return cls(estimated, settings.season)

    def predict(self, design: Design) -> FloatArray:
        """Return the forecast as residual of the base at every level, shape [n, k, H, learned]."""
        horizon = design.base.shape[-1]
        demand = np.full(design.base.shape, np.nan, dtype=np.float32)
        for i, name in enumerate(design.workload_ids):
            parameters = self._parameters.get(name, STANDARD)
            for j, history in enumerate(design.history[i]):
                demand[i, j] = point_forecast(history, parameters, self._season, horizon)
        bounded = np.clip(demand, 0, design.ceiling[..., None])
        residual = (to_link(bounded, design.scale[..., None]) - design.base) / design.spread
        return np.repeat(np.nan_to_num(residual)[..., None], len(LEARNED_LEVELS), axis=-1)

    def importance(self) -> dict[str, float]:
        """Return nothing: a local model has no features."""
        return {}

    def save(self, folder: Path, stem: str) -> None:
        """Write the parameters of every workload as JSON."""
        series = {name: asdict(parameters) for name, parameters in self._parameters.items()}
        (folder / f"{stem}.json").write_text(json.dumps({"season": self._season, "series": series}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, stem: str) -> "ThetaRegressor":
        """Read what `save` wrote."""
        saved = json.loads((folder / f"{stem}.json").read_text(encoding="utf-8"))
        series = {name: ThetaParameters(**values) for name, values in saved["series"].items()}
        return cls(series, saved["season"])


def estimate(history: FloatArray, season: int) -> ThetaParameters:
    """Return the theta model with the smallest squared error of one series; STANDARD without variation."""
    from statsforecast.theta import auto_theta

    series = gapless(history)
    if len(series) < FEWEST * season or np.ptp(series) == 0:
        return STANDARD
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        model = auto_theta(series, season)  # type: ignore[no-untyped-call]
    return ThetaParameters(model["modeltype"], float(model["par"]["alpha"]), float(model["par"]["theta"]))


def point_forecast(history: FloatArray, parameters: ThetaParameters, season: int, horizon: int) -> FloatArray:
    """Return the forecast of one series, shape [horizon]; NaN where it is too short."""
    from statsforecast.theta import auto_theta, forecast_theta

    series = gapless(history)
    if len(series) < FEWEST * season:
        return np.full(horizon, np.nan, dtype=np.float32)
    if np.ptp(series) == 0:
        return np.full(horizon, series[-1], dtype=np.float32)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        start = float(series[0]) / 2
        model = auto_theta(  # type: ignore[no-untyped-call]
            series, season, parameters.kind, start, parameters.alpha, parameters.theta
        )
        forecast = forecast_theta(model, horizon)  # type: ignore[no-untyped-call]
    return np.asarray(forecast["mean"], dtype=np.float32)


def gapless(history: FloatArray) -> NDArray[np.float64]:
    """Return the series from its first known value on, gaps filled with the value before, in double precision."""
    known: Positions = np.flatnonzero(~np.isnan(history))
    if not len(known):
        return np.empty(0)
    since = history[known[0] :].astype(np.float64)
    place = np.where(np.isnan(since), 0, np.arange(len(since)))
    return since[np.maximum.accumulate(place)]
