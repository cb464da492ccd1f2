"""What every forecasting model is: fitted on a panel that ends at its as-of time, asked for quantiles at an origin."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.contracts import FORECAST_SCHEMA, HOUR, QUANTILE_LEVELS, TARGETS_BY_NAME, quantile_column
from cloud_optimizer.core.panel import FloatArray, Panel


class ForecastSettings(BaseModel):
    """What is forecast and how far, the same for every model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: timedelta = Field(HOUR, description="Length of a forecast interval.")
    horizon: int = Field(24, ge=1, le=2016, description="Number of intervals forecast from an origin.")
    season: int = Field(24, ge=1, le=2016, description="Intervals in the main season (a day).")
    targets: tuple[str, ...] = Field(tuple(TARGETS_BY_NAME), description="Names of the forecast targets.")
    history_days: int = Field(42, ge=1, le=365, description="Days before an origin that a model may look at.")
    minimum_history_days: int = Field(7, ge=0, description="Below it a workload gets the fallback forecast.")
    calibration_days: int = Field(14, ge=1, description="Most recent out-of-time days that calibrate intervals.")
    seed: int = Field(0, ge=0, description="Seed of everything random.")
    threads: int = Field(1, ge=1, description="Threads a model may use; one is fastest on a busy machine.")


@dataclass(frozen=True)
class QuantileForecast:
    """Quantiles of demand from one origin.

    Args:
        workload_ids: Row labels, n of them.
        origin: Start of the first forecast interval; only earlier data was used.
        step: Length of an interval.
        model: Name of the model.
        values: Target name to float32 array [n, horizon, len(QUANTILE_LEVELS)], in the target's unit, never
            negative, non-decreasing over the levels; NaN where the workload was never observed.
        fallback: Shape [n], true where history was too short and a robust history forecast stands in.
    """

    workload_ids: tuple[str, ...]
    origin: datetime
    step: timedelta
    model: str
    values: Mapping[str, FloatArray]
    fallback: NDArray[np.bool_]

    def to_frame(self, cluster: str, model_version: str) -> pl.DataFrame:
        """Return the long form in `FORECAST_SCHEMA`, sorted by workload, target and time."""
        frames = [self._target_frame(target, values) for target, values in self.values.items()]
        keys = {"cluster": cluster, "origin": self.origin, "model": self.model, "model_version": model_version}
        constants = [pl.lit(value).alias(name) for name, value in keys.items()]
        frame = pl.concat(frames).with_columns(constants).select(FORECAST_SCHEMA.names()).cast(FORECAST_SCHEMA)
        return frame.sort("workload_id", "target", "timestamp")

    def _target_frame(self, target: str, values: FloatArray) -> pl.DataFrame:
        count, horizon, _ = values.shape
        step = np.timedelta64(self.step // timedelta(microseconds=1), "us")
        times = np.datetime64(self.origin.replace(tzinfo=None), "us") + np.arange(horizon) * step
        flat = values.reshape(count * horizon, -1)
        return pl.DataFrame(
            {
                "workload_id": np.repeat(np.asarray(self.workload_ids, dtype=object), horizon).tolist(),
                "target": [target] * (count * horizon),
                "timestamp": pl.Series(np.tile(times, count)).dt.replace_time_zone("UTC"),
                **{
                    quantile_column(level): pl.Series(flat[:, i]).fill_nan(None)
                    for i, level in enumerate(QUANTILE_LEVELS)
                },
            }
        )


class FittedForecaster(Protocol):
    """A model that was fitted; it carries its preprocessing and calibration."""

    @property
    def name(self) -> str:
        """Name of the family."""
        ...

    def predict(self, panel: Panel, origin: datetime) -> QuantileForecast:
        """Forecast every workload of the panel from `origin`, looking at intervals before it only."""
        ...

    def save(self, folder: Path) -> None:
        """Write native model files and JSON into an existing empty folder; nothing is pickled."""
        ...


class Forecaster(Protocol):
    """A model family."""

    @property
    def name(self) -> str:
        """Key of FORECASTERS."""
        ...

    def fit(self, panel: Panel, settings: ForecastSettings) -> FittedForecaster:
        """Fit on the panel, whose end is the as-of time: calibration uses its last `calibration_days`."""
        ...

    def load(self, folder: Path) -> FittedForecaster:
        """Read what `FittedForecaster.save` wrote."""
        ...
