"""Who is in a simulated cluster: names, sizes, rhythms and the part each workload plays.

Parts by position, so that small and large fleets both tell the whole story: the second workload changes regime, the
fifth is switched off for a while, the fourth and the ninth run short of capacity. All others are over-provisioned,
as fleets are: their busy hours use 10 to 45 % of what they have.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.simulator.randomness import Array, keys_of, uniform
from cloud_optimizer.core.simulator.settings import SimulatorSettings

SERVICES = (
    "frontend",
    "checkout",
    "catalog",
    "search",
    "recommendations",
    "cart",
    "payments",
    "identity",
    "images",
    "notifications",
    "orders-db",
    "session-cache",
)
JOBS = (
    "etl-nightly",
    "queue-worker",
    "report-builder",
    "stream-processor",
    "feature-jobs",
    "billing-run",
    "log-compactor",
    "data-export",
    "search-indexer",
    "image-resizer",
    "warehouse-db",
    "job-scheduler",
)
NIGHTLY = frozenset({"etl-nightly", "report-builder", "feature-jobs", "billing-run", "log-compactor", "data-export"})
STATEFUL = frozenset({"orders-db", "session-cache", "warehouse-db", "job-scheduler"})
"""Workloads of one instance: they never scale out, and their replica count is unknown to the source."""

TEAMS = {
    "storefront": frozenset({"frontend", "catalog", "search", "recommendations", "images"}),
    "commerce": frozenset({"checkout", "cart", "payments", "orders-db", "identity"}),
    "data": frozenset(JOBS) - {"billing-run", "job-scheduler"},
}
"""Who owns what; the platform team has the rest."""
CRITICAL = frozenset({"checkout", "payments", "identity", "orders-db"})

REGIME_SHIFT, SHORT, OFF, ALSO_SHORT = 1, 3, 4, 8
GIB = 1024.0**3


@dataclass(frozen=True)
class Fleet:
    """Parameters of the n workloads of a cluster; float arrays have shape [n, 1].

    Args:
        workload_ids: Names, n of them.
        nightly: Runs in a nightly window and takes no requests.
        stateful: One instance that never scales out.
        base_cores: Mean demand of an ordinary day, cores.
        amplitude: Height of the daily wave, share of the base.
        phase_hours: Hour of the day at which the demand peaks, UTC.
        weekend: Demand at the weekend, share of the weekday demand.
        trend_per_day: Growth a day, share of the base.
        noise: Standard deviation of the fast noise, share of the demand.
        burst_chance: Probability that a burst starts in an hour.
        target: Utilization that the owner provisions for at the daily peak.
        cores_per_replica: Size of one replica, cores.
        memory_per_replica: Size of one replica, bytes.
        memory_share: Share of the memory in use at the base demand.
        leak_per_day: Memory growth a day until the weekly restart, share of the capacity.
        requests_per_core: Requests/s that one core serves.
        latency: Latency p95 of an unloaded workload, seconds.
    """

    workload_ids: tuple[str, ...]
    nightly: NDArray[np.bool_]
    stateful: NDArray[np.bool_]
    base_cores: Array
    amplitude: Array
    phase_hours: Array
    weekend: Array
    trend_per_day: Array
    noise: Array
    burst_chance: Array
    target: Array
    cores_per_replica: Array
    memory_per_replica: Array
    memory_share: Array
    leak_per_day: Array
    requests_per_core: Array
    latency: Array


def workload_names(cluster: str, count: int) -> tuple[str, ...]:
    """Return the names of a cluster's workloads; from the thirteenth on a name carries a number."""
    names = JOBS if "batch" in cluster else SERVICES
    rounds = (divmod(position, len(names)) for position in range(count))
    return tuple(names[index] if turn == 0 else f"{names[index]}-{turn + 1}" for turn, index in rounds)


def draw_fleet(settings: SimulatorSettings, cluster: str) -> Fleet:
    """Draw the parameters of a cluster; a workload's are the same whatever else is in the cluster."""
    ids = workload_names(cluster, settings.workloads_per_cluster)
    stems = [_stem(name) for name in ids]
    nightly = np.array([stem in NIGHTLY for stem in stems])[:, None]
    stateful = np.array([stem in STATEFUL for stem in stems])[:, None]

    def between(stream: str, low: float, high: float) -> Array:
        keys = keys_of(settings.seed, cluster, ids, stream)
        return low + (high - low) * uniform(keys, np.zeros(1, dtype=np.int64))

    base = 0.4 * 12.0 ** between("size", 0.0, 1.0)
    target = np.where(_short(len(ids)), between("target", 0.72, 0.88), between("target", 0.12, 0.45))
    one_instance = 1.4 * base / target
    return Fleet(
        workload_ids=ids,
        nightly=nightly,
        stateful=stateful,
        base_cores=base,
        amplitude=between("amplitude", 0.25, 0.6),
        phase_hours=np.where(nightly, between("phase", 1.0, 5.0), between("phase", 11.0, 20.0)),
        weekend=np.where(nightly, between("weekend", 0.8, 1.2), between("weekend", 0.45, 0.85)),
        trend_per_day=between("trend", -0.002, 0.006),
        noise=between("noise", 0.03, 0.10),
        burst_chance=between("bursts", 0.004, 0.012),
        target=target,
        cores_per_replica=_round_up(np.where(stateful, one_instance, base * between("replica", 0.5, 1.2))),
        memory_per_replica=_round_up(between("memory", 1.0, 8.0)) * GIB,
        memory_share=np.where(_short(len(ids)), between("fill", 0.75, 0.85), between("fill", 0.15, 0.5)),
        leak_per_day=np.maximum(between("leak", -0.03, 0.02), 0.0),
        requests_per_core=between("requests", 40.0, 200.0),
        latency=between("latency", 0.01, 0.12),
    )


def workload_facts(cluster: str, count: int) -> list[dict[str, str]]:
    """Return what the owners of a cluster's workloads would say: workload_id, service, owner, slo_class."""
    facts = []
    for name in workload_names(cluster, count):
        service = _stem(name)
        owner = next((team for team, services in TEAMS.items() if service in services), "platform")
        slo_class = "critical" if service in CRITICAL else "batch" if service in JOBS else "standard"
        facts.append({"workload_id": name, "service": service, "owner": owner, "slo_class": slo_class})
    return facts


def _stem(name: str) -> str:
    head, _, tail = name.rpartition("-")
    return head if tail.isdigit() else name


def _short(count: int) -> NDArray[np.bool_]:
    return np.isin(np.arange(count), (SHORT, ALSO_SHORT))[:, None]


def _round_up(cores: Array) -> Array:
    return np.maximum(np.ceil(cores * 2.0) / 2.0, 0.5)


def position_of(fleet: Fleet, part: int) -> int:
    """Return the row that plays a part (REGIME_SHIFT, OFF); the last row in a fleet too small for it."""
    return min(part, len(fleet.workload_ids) - 1)


def names_of(fleet: Fleet, parts: Sequence[int]) -> tuple[str, ...]:
    """Return the workloads that play the given parts."""
    return tuple(fleet.workload_ids[position_of(fleet, part)] for part in parts)
