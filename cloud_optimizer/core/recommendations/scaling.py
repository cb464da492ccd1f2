"""Replica plans of the horizontally scaled workloads among those that are sized; see `core.replicas`."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from cloud_optimizer.core.contracts import QUANTILE_LEVELS
from cloud_optimizer.core.recommendations.demand import DemandHistory
from cloud_optimizer.core.recommendations.settings import RecommendationSettings
from cloud_optimizer.core.recommendations.sizes import Sizes
from cloud_optimizer.core.replicas import ReplicaDemand, ReplicaPlan, plan_replicas, schedule_json
from cloud_optimizer.core.sizing.curve import Array
from cloud_optimizer.core.sizing.objective import Mask

HOUR_LEVELS: Final = {"critical": 0.99, "standard": 0.975, "batch": 0.9}
"""Quantile of an hour's peak that its replicas must hold, by SLO class."""

DAYS_OF_PATTERN: Final = 7
BURST_PERCENTILE: Final = 10.0  # of mean / peak over the hours: nearly all hours are less bursty


@dataclass(frozen=True)
class Scaling:
    """The plan of n workloads, where it applies, the present replicas and the minutes until a new one serves."""

    plan: ReplicaPlan
    applies: Mask
    replicas: Array
    lead_minutes: Array

    def columns(self, held: Mask) -> list[pl.Series]:
        """Return replicas, autoscaler target and schedule as columns; null where the plan does not hold."""
        on = self.applies & ~held
        count = np.where(on, self.plan.count, np.nan)
        target = np.where(on, self.plan.hpa_target, np.nan)
        texts = [
            schedule_json(schedule, lead) if use else None
            for schedule, lead, use in zip(self.plan.schedule, self.lead_minutes, on, strict=True)
        ]
        return [
            pl.Series("planned_replicas", count).fill_nan(None),
            pl.Series("hpa_target", target).fill_nan(None),
            pl.Series("replica_schedule", texts, dtype=pl.String),
        ]

    def cpu(self, sizes: Sizes) -> Sizes:
        """Return the CPU sizes with the target in whole replicas."""
        total = self.plan.count * self.plan.size
        return sizes.with_target(np.where(self.applies, total, sizes.target))

    def memory(self, sizes: Sizes) -> Sizes:
        """Return the memory sizes for the new number of replicas.

        How much of a replica's memory is there whatever it does is unknown. More replicas are taken to need as much
        each as now, fewer as much in all as now: the larger of both.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(self.applies, np.fmax(self.plan.count / self.replicas, 1.0), 1.0)
        return sizes.mapped(lambda size: size * factor)


def scale_out(
    past: DemandHistory, peaks: Array, cpu: Sizes, facts: pl.DataFrame, settings: RecommendationSettings
) -> Scaling:
    """Plan replicas of the workloads that are scaled horizontally by preference or run more than one replica.

    Args:
        past: CPU history.
        peaks: Forecast quantiles of the hourly CPU peak, [n, 24, levels]; history of the same hour stands in for NaN.
        cpu: Total CPU sizes.
        facts: `replicas` and the preferences of each workload.
        settings: Preferences of the platform.
    """
    replicas = facts["replicas"].cast(pl.Float64).fill_null(1.0).to_numpy()
    wanted = facts.select(pl.col("horizontally_scaled").fill_null(pl.col("replicas") > 1).fill_null(False)).to_series()
    levels = facts["slo_class"].fill_null(settings.slo_class).replace_strict(HOUR_LEVELS, return_dtype=pl.Float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        present_size = cpu.current / replicas
    demand = ReplicaDemand(
        capacity=np.nan_to_num(cpu.target),
        by_hour=_by_hour(past, peaks, levels.to_numpy(), cpu.fallback),
        burst_utilization=_burst_utilization(past),
        present_size=present_size,
        minimum=facts["minimum_replicas"].cast(pl.Float64).to_numpy(),
        maximum=facts["maximum_replicas"].cast(pl.Float64).to_numpy(),
    )
    known = np.isfinite(cpu.current) & np.isfinite(cpu.target) & (replicas > 0)
    lead = facts["start_lead_minutes"].fill_null(settings.replicas.start_lead_minutes).to_numpy()
    return Scaling(plan_replicas(demand, settings.replicas), wanted.to_numpy() & known, replicas, lead)


def _by_hour(past: DemandHistory, peaks: Array, levels: Array, fallback: Mask) -> Array:
    """Return the capacity each hour of the next day needs, [n, 24]."""
    at = np.searchsorted(np.array(QUANTILE_LEVELS), levels - 1e-9)
    ahead = np.take_along_axis(peaks, at[:, None, None], axis=2)[:, :, 0]
    hours = min(past.hours, DAYS_OF_PATTERN * 24)
    same_hour = np.fmax.reduce(past.peak[:, past.hours - hours :].reshape(len(ahead), -1, 24), axis=1)
    return np.nan_to_num(np.where(fallback[:, None] | ~np.isfinite(ahead), same_hour, ahead))


def _burst_utilization(past: DemandHistory) -> Array:
    """Return mean / peak of nearly every hour, [n]; NaN where nothing was observed."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(past.peak > 0, past.mean / past.peak, np.nan)
    observed: Mask = np.asarray(np.isfinite(ratio).any(axis=1))
    filled = np.where(observed[:, None], ratio, 0.0)
    return np.where(observed, np.nanpercentile(filled, BURST_PERCENTILE, axis=1), np.nan)
