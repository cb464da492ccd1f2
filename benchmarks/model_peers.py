"""Forecasts of other people's tools behind the platform's contract, so that one backtest scores all of them alike.

They forecast a point, which stands at every level: WAPE and MASE can be compared, quantile losses and coverage cannot.
Gaps are filled with the value before, because both tools refuse them.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from cloud_optimizer.core.contracts import DAY, QUANTILE_LEVELS, TARGETS_BY_NAME
from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.core.forecasting.contract import FittedForecaster, ForecastSettings, QuantileForecast
from cloud_optimizer.core.panel import FloatArray, Panel

if TYPE_CHECKING:
    from mlforecast import MLForecast

LAGS: Final = (*range(1, 25), 168)
PEERS: Final = ("mlforecast", "autoets")
ETS_SEASONS: Final = 21
"""Seasons on which AutoETS is estimated: it takes a second a series there, and twice as long on twice as many."""

PointForecast = Callable[[FloatArray, datetime], FloatArray]
"""(history [n, T] without gaps, origin) to points [n, horizon]."""


def mlforecast(settings: ForecastSettings) -> "MLForecast":
    """Return mlforecast with LightGBM as both come: lags of a day and of a week ago, hour and weekday."""
    import lightgbm
    from mlforecast import MLForecast

    model = lightgbm.LGBMRegressor(verbosity=-1, n_jobs=settings.threads, random_state=settings.seed)
    frequency = f"{settings.step // timedelta(minutes=1)}m"
    return MLForecast(
        models={"lightgbm": model},
        freq=frequency,
        lags=list(LAGS),
        date_features=["hour", "weekday"],
        num_threads=settings.threads,
    )


def long_frame(values: FloatArray, end: datetime, step: timedelta) -> pl.DataFrame:
    """Return gapless series [n, T] that end at `end` as the long frame of both tools: unique_id, ds, y."""
    count, length = values.shape
    times = pl.datetime_range(end - length * step, end, step, closed="left", eager=True).dt.replace_time_zone(None)
    rows = np.repeat(np.arange(count), length)
    return pl.DataFrame({"unique_id": rows, "ds": times.gather(np.tile(np.arange(length), count)), "y": values.ravel()})


def gapless(values: FloatArray) -> FloatArray:
    """Return series [n, T] with every gap filled by the value before it, and 0 before the first."""
    place = np.where(np.isnan(values), 0, np.arange(values.shape[1]))
    filled = np.take_along_axis(values, np.maximum.accumulate(place, axis=1), axis=1)
    return np.nan_to_num(filled)


@dataclass(frozen=True)
class Peer:
    """A tool under its name in PEERS."""

    name: str

    def fit(self, panel: Panel, settings: ForecastSettings) -> FittedForecaster:
        """Fit one model a target on everything the panel holds."""
        fitting = _fit_mlforecast if self.name == "mlforecast" else _fit_autoets
        columns = {target: TARGETS_BY_NAME[target].column for target in settings.targets}
        points = {name: fitting(gapless(panel[column]), panel.end, settings) for name, column in columns.items()}
        return FittedPeer(self.name, settings, points)

    def load(self, folder: Path) -> FittedForecaster:
        """Refuse: a peer is never registered."""
        raise CloudOptimizerError(f"{self.name} is a peer of benchmarks and is not kept in {folder}.")


@dataclass(frozen=True)
class FittedPeer:
    """Fitted models of a tool, one a target."""

    name: str
    settings: ForecastSettings
    points: dict[str, PointForecast]

    def predict(self, panel: Panel, origin: datetime) -> QuantileForecast:
        """Forecast points and give them at every level."""
        past = panel.window(origin - self.settings.history_days * DAY, origin)
        values = {}
        for target, forecast in self.points.items():
            points = forecast(gapless(past[TARGETS_BY_NAME[target].column]), origin)
            values[target] = np.repeat(np.maximum(points, 0)[..., None], len(QUANTILE_LEVELS), axis=-1)
        nothing = np.zeros(len(panel.workload_ids), dtype=np.bool_)
        return QuantileForecast(panel.workload_ids, origin, panel.step, self.name, values, nothing)

    def save(self, folder: Path) -> None:
        """Refuse: a peer is never registered."""
        raise CloudOptimizerError(f"{self.name} is a peer of benchmarks and is not saved to {folder}.")


def _fit_mlforecast(history: FloatArray, end: datetime, settings: ForecastSettings) -> PointForecast:
    model = mlforecast(settings).fit(long_frame(history, end, settings.step), static_features=[])

    def points(past: FloatArray, origin: datetime) -> FloatArray:
        recent = long_frame(past[:, -max(LAGS) - 1 :], origin, settings.step)
        forecast = model.predict(settings.horizon, new_df=recent).sort("unique_id", "ds")
        return forecast["lightgbm"].to_numpy().reshape(len(past), -1).astype(np.float32)

    return points


def _fit_autoets(history: FloatArray, end: datetime, settings: ForecastSettings) -> PointForecast:  # noqa: ARG001
    length = ETS_SEASONS * settings.season
    models = _quietly(lambda: [_ets(series[-length:], settings.season) for series in history])

    def points(past: FloatArray, origin: datetime) -> FloatArray:  # noqa: ARG001 - one signature for tools
        rows = zip(models, past[:, -length:], strict=True)
        forecasts = _quietly(lambda: [_forward(model, row, settings.horizon) for model, row in rows])
        return np.stack(forecasts)

    return points


def _ets(series: FloatArray, season: int) -> Any:
    from statsforecast.models import AutoETS

    return AutoETS(season_length=season).fit(series.astype(np.float64)) if np.ptp(series) > 0 else None


def _forward(model: Any, series: FloatArray, horizon: int) -> FloatArray:
    """Run an estimated model over newer history; a series without variation repeats its last value."""
    if model is None or np.ptp(series) == 0:
        return np.full(horizon, series[-1], dtype=np.float32)
    points = np.asarray(model.forward(series.astype(np.float64), horizon)["mean"], dtype=np.float32)
    return np.where(np.isfinite(points), points, series[-1])


def _quietly(work: Callable[[], Sequence[Any]]) -> Sequence[Any]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return work()
