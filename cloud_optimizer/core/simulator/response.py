"""What a simulated workload reports when its demand meets its capacity: usage, latency, errors, memory and traffic."""

import numpy as np

from cloud_optimizer.core.simulator.demand import Clock
from cloud_optimizer.core.simulator.fleet import Fleet
from cloud_optimizer.core.simulator.randomness import Array, keys_of, normal
from cloud_optimizer.core.simulator.settings import SimulatorSettings

KNEE = 0.92
"""Utilization above which requests begin to fail."""
ERRORS_PER_EXCESS = 0.3
"""Failed share of the requests for each unit of demand / capacity above the knee."""
QUIET_ERRORS = 0.0004
MIB = 1024.0**2


def respond(
    settings: SimulatorSettings, cluster: str, fleet: Fleet, clock: Clock, *, demand: Array, replicas: Array
) -> dict[str, Array]:
    """Return the measures of contracts.MEASURES by name, arrays of shape [n, T]; NaN is unknown.

    Args:
        settings: The fleet's settings.
        cluster: Cluster name.
        fleet: Its n workloads.
        clock: The time axis of T samples.
        demand: Demand in cores, shape [n, T].
        replicas: Running instances, shape [n, T].
    """
    slot = np.round(clock.hours * 3600.0 / settings.cadence_seconds).astype(np.int64)

    def jitter(stream: str, deviation: float) -> Array:
        return np.exp(deviation * normal(keys_of(settings.seed, cluster, fleet.workload_ids, stream), slot))

    capacity = replicas * fleet.cores_per_replica
    load = demand / capacity
    usage = np.minimum(demand, capacity * np.minimum(0.985 * jitter("ceiling", 0.01), 1.0))
    requests = demand * fleet.requests_per_core * jitter("requests", 0.02)
    errors = np.clip(QUIET_ERRORS * jitter("errors", 0.5) + ERRORS_PER_EXCESS * np.maximum(load - KNEE, 0.0), 0.0, 1.0)
    unknown = np.where(fleet.nightly, np.nan, 1.0)
    traffic = np.where(fleet.nightly, demand * 20.0 * MIB, requests * 4096.0)
    return {
        "cpu_usage_cores": usage,
        "cpu_usage_peak_cores": np.full_like(usage, np.nan),
        "cpu_capacity_cores": capacity,
        "memory_usage_bytes": _memory(fleet, clock, usage, replicas) * jitter("memory", 0.004),
        "memory_capacity_bytes": replicas * fleet.memory_per_replica,
        "disk_read_bytes_per_second": 1.5 * MIB * usage * jitter("disk_read", 0.6),
        "disk_write_bytes_per_second": 0.8 * MIB * usage * jitter("disk_write", 0.5),
        "network_receive_bytes_per_second": traffic * jitter("network_receive", 0.1),
        "network_transmit_bytes_per_second": 3.0 * traffic * jitter("network_transmit", 0.1),
        "requests_per_second": requests * unknown,
        "latency_p95_seconds": latency(fleet.latency, load) * jitter("latency", 0.08) * unknown,
        "error_ratio": errors * unknown,
        "replicas": np.where(fleet.stateful, np.nan, replicas),
    }


def latency(unloaded: Array, load: Array) -> Array:
    """Return the latency p95 in seconds of a queue at `load` = demand / capacity (M/M/1 shape, linear past 0.97).

    Worked: unloaded 0.1 s at load 0.5 gives 0.1 * (1 + 0.5 * 0.5 / 0.5) = 0.15 s.
    """
    held = np.minimum(load, 0.97)
    return unloaded * (1.0 + 0.5 * held / (1.0 - held) + 30.0 * np.maximum(load - 0.97, 0.0))


def _memory(fleet: Fleet, clock: Clock, usage: Array, replicas: Array) -> Array:
    """Return the memory in use, bytes: a level with a part that follows the load and a leak that restarts clear."""
    since_monday = ((clock.hours / 24.0 + 3.0) % 7.0)[None, :]
    busy = np.sqrt(usage / (replicas * fleet.cores_per_replica))
    share = fleet.memory_share * (0.85 + 0.25 * busy) + fleet.leak_per_day * since_monday
    return replicas * fleet.memory_per_replica * np.minimum(share, 0.99)
