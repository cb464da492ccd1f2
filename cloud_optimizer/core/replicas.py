"""Replicas of horizontally scaled workloads: size, count and autoscaler target together, and a schedule by hour.

Everything follows from the total demand over all replicas. Sizing a replica by what one replica used would shrink
without end: smaller replicas make the autoscaler start more of them, each then uses less, and so on.
"""

import json
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

LADDER: Final = 0.125 * 2.0 ** np.arange(10)
"""Replica sizes that may be chosen, 125 millicores to 64 cores. It is fixed: a size relative to the present one could
creep from one recommendation to the next."""

MINUTES_PER_DAY: Final = 1440


class ReplicaSettings(BaseModel):
    """Preferences of horizontally scaled workloads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minimum: int = Field(default=2, ge=1, le=1000, description="Fewest replicas, so that one may fail.")
    maximum: int = Field(default=100, ge=1, le=100_000, description="Most replicas.")
    overhead_cores: float = Field(default=0.05, ge=0, le=10, description="CPU that each replica costs beside its work.")
    keep_within: float = Field(
        default=0.15, ge=0, le=10, description="The present replica size stays if it costs at most this share more."
    )
    start_lead_minutes: float = Field(default=5.0, ge=0, le=720, description="Time until a new replica serves.")
    shortest_dip_hours: int = Field(default=2, ge=1, le=24, description="Shorter dips of demand stop no replicas.")
    lowest_utilization: float = Field(default=0.4, gt=0, le=1, description="Lowest autoscaler target / replica size.")
    highest_utilization: float = Field(
        default=0.85, gt=0, le=1, description="Highest autoscaler target / replica size."
    )


@dataclass(frozen=True)
class ReplicaDemand:
    """Total demand and present shape of n workloads.

    Args:
        capacity: Total CPU capacity that the day needs, cores, [n].
        by_hour: Total CPU capacity that each hour of the next day needs, cores, [n, 24].
        burst_utilization: Mean / peak demand inside an hour, [n], NaN where unknown: an autoscaler sees the mean.
        present_size: Cores of a replica, [n]; NaN where unknown.
        minimum: Fewest replicas, [n]; NaN for the settings'.
        maximum: Most replicas, [n]; NaN for the settings'.
    """

    capacity: Array
    by_hour: Array
    burst_utilization: Array
    present_size: Array
    minimum: Array
    maximum: Array


@dataclass(frozen=True)
class ReplicaPlan:
    """What to run; arrays of shape [n] or [n, 24].

    Args:
        size: Cores of a replica.
        count: Replicas that hold the whole day.
        schedule: Replicas by hour of the next day, at most `count`.
        hpa_target: Autoscaler target, cores of a replica (averageValue): absolute, so it does not move with the size.
    """

    size: Array
    count: Array
    schedule: Array
    hpa_target: Array


def plan_replicas(demand: ReplicaDemand, settings: ReplicaSettings) -> ReplicaPlan:
    """Choose size, count, schedule and autoscaler target together.

    The size is the one of the ladder whose replicas cost least over the day, overhead included; the present size stays
    unless that saves more than `keep_within`. All of it depends on total demand, so that a second recommendation after
    the first was applied is the same.
    """
    fewest = np.where(np.isfinite(demand.minimum), demand.minimum, settings.minimum)
    most = np.maximum(np.where(np.isfinite(demand.maximum), demand.maximum, settings.maximum), fewest)
    needed = np.minimum(demand.by_hour, demand.capacity[:, None])
    choices = np.broadcast_to(LADDER, (len(needed), len(LADDER)))
    costs = np.stack([_cost(choices[:, at], needed, fewest, most, settings) for at in range(len(LADDER))], axis=1)
    best = np.where(np.isfinite(costs).any(axis=1), np.argmin(costs, axis=1), len(LADDER) - 1)
    rows = np.arange(len(needed))
    known = np.isfinite(demand.present_size) & (demand.present_size > 0)
    present = np.where(known, demand.present_size, LADDER[best])
    stays = known & (_cost(present, needed, fewest, most, settings) <= (1 + settings.keep_within) * costs[rows, best])
    size = np.where(stays, present, LADDER[best])
    count: Array = np.clip(_whole(demand.capacity / size), fewest, most)
    schedule = np.minimum(_counts(size, needed, fewest, most), count[:, None])
    burst = np.nan_to_num(demand.burst_utilization, nan=settings.lowest_utilization)
    utilization = np.clip(burst, settings.lowest_utilization, settings.highest_utilization)
    return ReplicaPlan(size, count, without_short_dips(schedule, settings.shortest_dip_hours), size * utilization)


def without_short_dips(schedule: Array, shortest: int) -> Array:
    """Return the schedule [n, 24] with dips below `shortest` hours filled; what stops must soon start again.

    The filter is a morphological closing: the highest of each `shortest` hours, then the lowest of as many. With
    shortest 2, replicas 4 2 4 2 2 4 become 4 4 4 2 2 4. The day is taken as it is, not wrapped around midnight.
    """
    padded = np.pad(schedule, ((0, 0), (shortest - 1, shortest - 1)), mode="edge")
    raised = np.lib.stride_tricks.sliding_window_view(padded, shortest, axis=1).max(axis=2)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(raised, shortest, axis=1).min(axis=2))


def schedule_json(schedule: Array, lead_minutes: float) -> str:
    """Write one workload's schedule [24] as JSON: hour (UTC), replicas, and when to ask for them.

    More replicas are asked for `lead_minutes` before the hour, fewer at its start. With 5 minutes, 2 replicas until 9
    and 4 from 9 on give `{"hour": 9, "replicas": 4, "at": "08:55"}`.
    """
    entries = []
    for hour, count in enumerate(schedule):
        grows = count > schedule[hour - 1]  # the day before is taken to have been like this one
        minute = int(hour * 60 - (lead_minutes if grows else 0)) % MINUTES_PER_DAY
        entries.append({"hour": hour, "replicas": int(count), "at": f"{minute // 60:02d}:{minute % 60:02d}"})
    return json.dumps(entries)


def _cost(size: Array, needed: Array, fewest: Array, most: Array, settings: ReplicaSettings) -> Array:
    """Return the core-hours of a day at a replica size [n]; infinite where the most replicas do not hold its peak."""
    counts = _counts(size, needed, fewest, most)
    too_small = (counts * size[:, None] < needed * (1 - 1e-9)).any(axis=1)
    hours = counts.sum(axis=1) * (size + settings.overhead_cores)
    return np.where(too_small, np.inf, hours)


def _counts(size: Array, needed: Array, fewest: Array, most: Array) -> Array:
    return np.clip(_whole(needed / size[:, None]), fewest[:, None], most[:, None])


def _whole(replicas: Array) -> Array:
    """Round up, but not for the last bits of a quotient."""
    return np.asarray(np.ceil(replicas - 1e-9))
