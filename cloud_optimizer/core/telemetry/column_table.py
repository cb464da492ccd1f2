"""The declared table of column names that telemetry files may use, with their units. Matching is in columns.py.

A name is compared in lower case with everything but letters and digits as `_` and `%` as `percent`, so
`CPU usage [MHZ]` is `cpu_usage_mhz`. A name whose unit could be anything (`cpu_usage`, `memory`) is not in the table.
KB, MB and GB are 1024, 1024^2 and 1024^3 bytes, as hypervisors count. docs/telemetry.md shows the same table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

KIB, MIB, GIB = 1024.0, 1024.0**2, 1024.0**3

KEY_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "timestamp": (
        "timestamp",
        "time",
        "datetime",
        "date_time",
        "ts",
        "timestamp_s",
        "timestamp_ms",
        "unix_time",
        "epoch",
    ),
    "workload_id": (
        "workload_id",
        "workload",
        "vm_id",
        "vm",
        "instance_id",
        "instance",
        "machine_id",
        "service",
        "deployment",
        "pod",
        "container",
        "container_id",
        "host",
        "hostname",
        "name",
    ),
    "cluster": ("cluster", "cluster_id", "cluster_name"),
}
"""Column names of the keys; where a file has several, the first of the list wins."""


@dataclass(frozen=True)
class AcceptedColumn:
    """Column names that hold one quantity in one unit.

    Args:
        quantity: What the numbers become: a measure of contracts.MEASURES, or what a measure is computed from.
        unit: Unit of the numbers in the file.
        factor: A number of the file times this is the quantity in its own unit.
        names: Accepted column names; of several in one file the first wins.
    """

    quantity: str
    unit: str
    factor: float
    names: tuple[str, ...]


def _sizes(quantity: str, *stems: str) -> tuple[AcceptedColumn, ...]:
    units = (
        ("bytes", 1.0, ("bytes",)),
        ("KB", KIB, ("kb", "kib")),
        ("MB", MIB, ("mb", "mib")),
        ("GB", GIB, ("gb", "gib")),
    )
    return tuple(
        AcceptedColumn(quantity, unit, factor, tuple(f"{stem}_{suffix}" for stem in stems for suffix in suffixes))
        for unit, factor, suffixes in units
    )


def _rates(quantity: str, plain: str, *stems: str) -> tuple[AcceptedColumn, ...]:
    def names(unit: str) -> tuple[str, ...]:
        return tuple(f"{stem}_{unit}_{per}" for stem in stems for per in ("per_second", "s"))

    return (
        AcceptedColumn(quantity, "bytes/s", 1.0, names("bytes")),
        AcceptedColumn(quantity, "KB/s", KIB, (*names("kb"), plain)),
        AcceptedColumn(quantity, "MB/s", MIB, names("mb")),
    )


COLUMN_TABLE: Final[tuple[AcceptedColumn, ...]] = (
    AcceptedColumn("cpu_usage_cores", "cores", 1.0, ("cpu_usage_cores", "cpu_used_cores", "cpu_cores_used")),
    AcceptedColumn("cpu_usage_cores", "millicores", 0.001, ("cpu_usage_millicores", "cpu_used_millicores")),
    AcceptedColumn("cpu_usage_mhz", "MHz", 1.0, ("cpu_usage_mhz", "cpu_used_mhz")),
    AcceptedColumn("cpu_utilization", "fraction", 1.0, ("cpu_utilization", "cpu_utilisation", "cpu_util")),
    AcceptedColumn(
        "cpu_utilization",
        "percent",
        0.01,
        ("cpu_utilization_percent", "cpu_utilisation_percent", "cpu_usage_percent", "cpu_util_percent", "cpu_percent"),
    ),
    AcceptedColumn(
        "cpu_usage_peak_cores", "cores", 1.0, ("cpu_usage_peak_cores", "cpu_usage_max_cores", "cpu_usage_cores_max")
    ),
    AcceptedColumn("cpu_utilization_peak", "fraction", 1.0, ("cpu_utilization_max", "cpu_utilization_peak")),
    AcceptedColumn(
        "cpu_utilization_peak", "percent", 0.01, ("cpu_utilization_max_percent", "cpu_utilization_peak_percent")
    ),
    AcceptedColumn(
        "cpu_capacity_cores",
        "cores",
        1.0,
        (
            "cpu_capacity_cores",
            "cpu_limit_cores",
            "cpu_request_cores",
            "cpu_cores",
            "vcpus",
            "vcpu",
            "cpu_count",
            "num_cpus",
            "cores",
        ),
    ),
    AcceptedColumn(
        "cpu_capacity_cores",
        "millicores",
        0.001,
        ("cpu_capacity_millicores", "cpu_limit_millicores", "cpu_request_millicores"),
    ),
    AcceptedColumn("cpu_capacity_mhz", "MHz", 1.0, ("cpu_capacity_mhz", "cpu_capacity_provisioned_mhz")),
    *_sizes("memory_usage_bytes", "memory_usage", "memory_used", "mem_usage", "mem_used", "memory_working_set"),
    AcceptedColumn("memory_utilization", "fraction", 1.0, ("memory_utilization", "memory_utilisation", "mem_util")),
    AcceptedColumn(
        "memory_utilization", "percent", 0.01, ("memory_utilization_percent", "memory_usage_percent", "memory_percent")
    ),
    *_sizes(
        "memory_capacity_bytes",
        "memory_capacity",
        "memory_capacity_provisioned",
        "memory_limit",
        "memory_request",
        "memory_total",
    ),
    *_rates("disk_read_bytes_per_second", "disk_read", "disk_read", "disk_read_throughput"),
    *_rates("disk_write_bytes_per_second", "disk_write", "disk_write", "disk_write_throughput"),
    *_rates(
        "network_receive_bytes_per_second", "network_in", "network_receive", "network_in", "network_received_throughput"
    ),
    *_rates(
        "network_transmit_bytes_per_second",
        "network_out",
        "network_transmit",
        "network_out",
        "network_transmitted_throughput",
    ),
    AcceptedColumn("requests_per_second", "1/s", 1.0, ("requests_per_second", "request_rate", "rps", "qps")),
    AcceptedColumn("requests_per_second", "1/min", 1 / 60, ("requests_per_minute", "rpm")),
    AcceptedColumn("latency_p95_seconds", "s", 1.0, ("latency_p95_seconds", "latency_p95_s", "p95_latency_seconds")),
    AcceptedColumn(
        "latency_p95_seconds", "ms", 0.001, ("latency_p95_ms", "p95_latency_ms", "latency_p95_milliseconds")
    ),
    AcceptedColumn("error_ratio", "fraction", 1.0, ("error_ratio", "error_rate", "error_fraction")),
    AcceptedColumn("error_ratio", "percent", 0.01, ("error_percent", "error_rate_percent")),
    AcceptedColumn("replicas", "instances", 1.0, ("replicas", "instances", "pod_count", "group_size")),
)

USAGE_QUANTITIES: Final = frozenset(
    entry.quantity
    for entry in COLUMN_TABLE
    if "capacity" not in entry.quantity and entry.quantity not in {"replicas", "latency_p95_seconds", "error_ratio"}
)
"""Quantities of which a file needs at least one."""
