"""When a simulated workload is scaled: an owner or autoscaler that changes the replicas in about 3 % of the hours."""

import numpy as np

from cloud_optimizer.core.simulator.fleet import Fleet
from cloud_optimizer.core.simulator.randomness import Array, keys_of, uniform
from cloud_optimizer.core.simulator.settings import SimulatorSettings

MAX_REPLICAS = 64.0
SCALING_SHARE = 10 / 12
"""Share of the workloads that scale: ten of the twelve names of either kind of cluster."""
LAZY = 0.55
"""Chance of an event in an hour without pressure, share of the mean chance."""
PRESSED = 1.4
"""The same in an hour whose utilization is more than 30 % off the target."""


def wanted_replicas(fleet: Fleet, demand: Array) -> Array:
    """Return the replicas that hold `demand` (cores, [n, T]) at the target utilization; 1 for a stateful workload."""
    wanted = np.clip(np.ceil(demand / (fleet.target * fleet.cores_per_replica)), 1.0, MAX_REPLICAS)
    return np.where(fleet.stateful, 1.0, wanted)


def replicas_by_hour(settings: SimulatorSettings, cluster: str, fleet: Fleet, demand: Array, first_hour: int) -> Array:
    """Return the replicas in each hour of one block, shape [n, H].

    The block begins with the replicas that its own mean demand asks for, so no state crosses into it and the answer
    does not depend on where reading began.

    Args:
        settings: The fleet's settings.
        cluster: Cluster name.
        fleet: Its workloads.
        demand: Expected demand by hour, cores, shape [n, H].
        first_hour: Hours since 1970-01-01 of the first column.
    """
    hours = first_hour + np.arange(demand.shape[1], dtype=np.int64)
    draw = uniform(keys_of(settings.seed, cluster, fleet.workload_ids, "scaling"), hours)
    wanted = wanted_replicas(fleet, demand)
    usual = wanted_replicas(fleet, _provisioned_demand(fleet, demand))
    wanted = np.where(fleet.nightly, usual, wanted)
    chance = settings.scaling_event_share / SCALING_SHARE
    replicas = np.empty_like(demand)
    current = usual[:, 0]
    for hour in range(demand.shape[1]):
        asked = wanted[:, hour]
        off_target = np.abs(asked - current) > 0.3 * current
        event = ~fleet.stateful[:, 0] & (draw[:, hour] < chance * np.where(off_target, PRESSED, LAZY))
        aside = np.where(current > usual[:, 0], current - 1.0, current + 1.0)
        changed = np.clip(np.where(asked == current, aside, asked), 1.0, MAX_REPLICAS)
        current = np.where(event, changed, current)
        replicas[:, hour] = current
    return replicas


def _provisioned_demand(fleet: Fleet, demand: Array) -> Array:
    """Return the demand that the owner sizes for: the busy hours, or the nightly window of a job; cores, [n, 1]."""
    busy, window = np.quantile(demand, (0.75, 0.95), axis=1)[:, :, None]
    provisioned: Array = np.where(fleet.nightly, window, busy)
    return provisioned
