"""What `mlflow.pyfunc.load_model` gives people: the model as a function of a long pandas frame of the past.

The platform itself reads the same folders through core, without MLflow's per-call cost.
"""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from cloud_optimizer.core.contracts import QUANTILE_LEVELS, UTC_TIMESTAMP, quantile_column
from cloud_optimizer.core.forecasting.contract import FittedForecaster
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.peak_risk import FittedPeakRisk

if TYPE_CHECKING:
    import pandas as pd

FORECAST_COLUMNS: Final = ("workload_id", "target", "timestamp", *map(quantile_column, QUANTILE_LEVELS))
RISK_COLUMNS: Final = ("workload_id", "origin", "target", "probability")
RISK_FAMILY: Final = "peak_risk"


def outputs_of(family: str) -> tuple[str, ...]:
    """Columns that the function of a family returns."""
    return RISK_COLUMNS if family == RISK_FAMILY else FORECAST_COLUMNS


def input_frame(panel: Panel) -> "pd.DataFrame":
    """The panel as the long frame the Python function takes; timestamps are UTC without a zone."""
    frame = panel.to_frame().with_columns(pl.col("timestamp").dt.replace_time_zone(None))
    return frame.with_columns(pl.col(pl.Float32).cast(pl.Float64)).to_pandas()


class ForecastFunction:
    """What `mlflow.pyfunc.load_model` wraps: forecasts the intervals after the end of the frame it is given."""

    def __init__(self, fitted: FittedForecaster) -> None:
        self.fitted = fitted

    def predict(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        """Forecast every workload of a long frame (workload_id, timestamp in UTC, roll-up columns)."""
        panel = _panel_of(frame)
        forecast = self.fitted.predict(panel, panel.end).to_frame(cluster="", model_version="")
        return (
            forecast.select(FORECAST_COLUMNS).with_columns(pl.col("timestamp").dt.replace_time_zone(None)).to_pandas()
        )


def _panel_of(frame: "pd.DataFrame") -> Panel:
    long = pl.from_pandas(frame).with_columns(pl.col("timestamp").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
    times = long["timestamp"].cast(UTC_TIMESTAMP).unique().sort()
    gaps = times.diff().drop_nulls()
    step = gaps.min() if len(gaps) else timedelta(hours=1)
    assert isinstance(step, timedelta)
    columns = [name for name in long.columns if name not in {"workload_id", "timestamp"}]
    return Panel.from_frame(long, columns, times[0], times[-1] + step, step)


class RiskFunction:
    """What `mlflow.pyfunc.load_model` wraps for the peak-risk model: the window after the end of the frame."""

    def __init__(self, fitted: FittedPeakRisk) -> None:
        self.fitted = fitted

    def predict(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        """Probability for every workload and target of a long frame (workload_id, timestamp in UTC, columns)."""
        panel = _panel_of(frame)
        risk = self.fitted.predict(panel, panel.end).to_frame().select(RISK_COLUMNS)
        return risk.with_columns(pl.col("origin").dt.replace_time_zone(None)).to_pandas()


def _load_pyfunc(path: str) -> ForecastFunction | RiskFunction:
    """MLflow's entry point; the folder tells what it holds."""
    from cloud_optimizer.core.forecasting.families import load_fitted
    from cloud_optimizer.core.peak_risk.model import DESCRIPTION_FILE, load_peak_risk

    folder = Path(path)
    if (folder / DESCRIPTION_FILE).is_file():
        return RiskFunction(load_peak_risk(folder))
    return ForecastFunction(load_fitted(folder))
