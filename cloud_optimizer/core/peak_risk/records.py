"""Schemas of what is kept of peak-risk models and of what they say."""

from datetime import date
from typing import Final

import polars as pl

from cloud_optimizer.core.peak_risk.model import FittedPeakRisk, PeakRiskForecast

PEAK_RISK_MODEL_SCHEMA: Final = pl.Schema(
    {
        "cluster": pl.String(),
        "date": pl.Date(),  # nothing later than its end was learned from
        "model_id": pl.String(),
        "remedy": pl.String(),  # what was done about rarity
        "notes": pl.String(),
        "data_version": pl.String(),
        "mlflow_run": pl.String(),
    }
)

PEAK_RISK_SCHEMA: Final = pl.Schema(
    {
        "cluster": pl.String(),
        "workload_id": pl.String(),
        "date": pl.Date(),  # the window is the 24 hours after its end
        "target": pl.String(),
        "probability": pl.Float64(),  # null: the capacity is not known
        "threshold": pl.Float64(),  # share of the capacity that counts as reached
        "model_id": pl.String(),
    }
)
"""How likely the demand of a workload reaches its present capacity, one row a day and target."""


def peak_risk_frame(
    fitted: FittedPeakRisk, forecast: PeakRiskForecast, cluster: str, day: date, model_id: str
) -> pl.DataFrame:
    """Return a forecast from the end of `day` in `PEAK_RISK_SCHEMA`."""
    keys = {"cluster": cluster, "date": day, "threshold": fitted.settings.threshold, "model_id": model_id}
    frame = forecast.to_frame().with_columns(**{name: pl.lit(value) for name, value in keys.items()})
    return frame.select(PEAK_RISK_SCHEMA.names()).cast(PEAK_RISK_SCHEMA)
