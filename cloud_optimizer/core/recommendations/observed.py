"""What is known of a slice of workloads at the origin: demand behind it, forecast ahead, and how complete both are."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from cloud_optimizer.core.contracts import DAY, HOUR, Resource
from cloud_optimizer.core.recommendations.demand import DemandHistory, demand_history, forecast_quantiles, place
from cloud_optimizer.core.recommendations.evidence import coverage
from cloud_optimizer.core.recommendations.inputs import RecommendationInputs
from cloud_optimizer.core.recommendations.settings import RecommendationSettings
from cloud_optimizer.core.sizing.curve import Array

RESOURCES: Final[tuple[Resource, ...]] = ("cpu", "memory")
HORIZON: Final = 24


@dataclass(frozen=True)
class Observed:
    """Demand of n workloads.

    Args:
        past: History of each resource.
        ahead: Forecast quantiles of hourly mean and hourly peak of each resource, [n, 24, levels]; NaN without one.
        coverage: One row a workload, see `evidence.coverage`.
    """

    past: dict[Resource, DemandHistory]
    ahead: dict[Resource, tuple[Array, Array]]
    coverage: pl.DataFrame


def observe(inputs: RecommendationInputs, preferences: pl.DataFrame, settings: RecommendationSettings) -> Observed:
    """Gather what is known of the workloads in `preferences`, each over its own lookback."""
    workloads = preferences["workload_id"].to_frame()
    days = preferences["lookback_days"].fill_null(settings.history.recent.lookback / DAY)
    lookback = days.to_numpy() * 24.0
    hours = int(np.ceil(lookback.max() / 24.0)) * 24
    history = place(inputs.history, workloads, inputs.origin - hours * HOUR, hours)
    forecast = place(inputs.forecast, workloads, inputs.origin, HORIZON)
    shape, ahead_shape = (workloads.height, hours), (workloads.height, HORIZON)
    return Observed(
        past={name: demand_history(history, name, shape).last(lookback) for name in RESOURCES},
        ahead={
            name: (
                forecast_quantiles(forecast, f"{name}_mean", ahead_shape),
                forecast_quantiles(forecast, f"{name}_peak", ahead_shape),
            )
            for name in RESOURCES
        },
        coverage=coverage(history, lookback, hours),
    )
