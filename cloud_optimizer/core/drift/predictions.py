"""What the champion says about a row of days: the frame in which prediction drift shows."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from cloud_optimizer.core.contracts import FORECAST_SCHEMA, Resource
from cloud_optimizer.core.drift.layout import forecast_medians
from cloud_optimizer.core.forecasting.contract import FittedForecaster
from cloud_optimizer.core.forecasting.selection import champion_forecast
from cloud_optimizer.core.panel import Panel


def predicted_days(
    champions: Mapping[Resource, tuple[FittedForecaster, str]],
    panel: Panel,
    days: Iterable[date],
    cluster: str,
    history: timedelta,
) -> pl.DataFrame:
    """Return the medians that one and the same model forecasts for each day from its midnight, one column a target.

    Comparing forecasts of one model keeps a change of model from looking like a change of demand.

    Args:
        champions: Resource to the fitted model and its version.
        panel: Roll-up columns from `history` before the first day.
        days: Days to forecast.
        cluster: Name of the cluster.
        history: How far back the model looks.
    """
    frames = []
    for day in days:
        origin = datetime.combine(day, time(), UTC)
        past = panel.window(origin - history, origin)
        if past.length:
            frames.append(champion_forecast(champions, past, origin, cluster))
    return forecast_medians(pl.concat([FORECAST_SCHEMA.to_frame(), *frames]))
