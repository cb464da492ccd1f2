"""One forecast a day out of several champions: each resource is forecast by its own."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from cloud_optimizer.core.contracts import FORECAST_SCHEMA, TARGETS, TARGETS_BY_NAME, Resource
from cloud_optimizer.core.forecasting.contract import FittedForecaster
from cloud_optimizer.core.panel import Panel


def champion_forecast(
    champions: Mapping[Resource, tuple[FittedForecaster, str]], panel: Panel, origin: datetime, cluster: str
) -> pl.DataFrame:
    """Forecast every workload of the panel from `origin`, each resource by its champion.

    Args:
        champions: Resource to the fitted model and its version.
        panel: Roll-up columns; only intervals before the origin are looked at.
        origin: Start of the first forecast interval.
        cluster: Name of the cluster.

    Returns:
        Rows in `FORECAST_SCHEMA`.
    """
    frames = [FORECAST_SCHEMA.to_frame()]
    for resource, (fitted, version) in champions.items():
        targets = [target.name for target in TARGETS if target.resource == resource]
        frame = fitted.predict(panel, origin).to_frame(cluster, version)
        frames.append(frame.filter(pl.col("target").is_in(targets)))
    return pl.concat(frames)


def models_of(forecast: pl.DataFrame) -> str:
    """Name the models behind a forecast: `cpu: lightgbm 3, memory: seasonal_naive 1`; empty for no forecast."""
    used = forecast.select("target", "model", "model_version").unique().to_dicts()
    names = {TARGETS_BY_NAME[row["target"]].resource: f"{row['model']} {row['model_version']}" for row in used}
    return ", ".join(f"{resource}: {name}" for resource, name in sorted(names.items()))
