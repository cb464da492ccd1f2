"""The registry: every feature, once. Code, Feast definitions, column schemas and docs/features.md come from it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from cloud_optimizer.core.contracts import DAY, HOUR, ROLLUP_MEASURES
from cloud_optimizer.core.features.calendar import CALENDAR
from cloud_optimizer.core.features.spec import FeatureSpec, Group, Statistic, window_label
from cloud_optimizer.core.rollup import PANEL_COLUMNS

OBSERVATIONS: Final = PANEL_COLUMNS
"""What was measured in the interval; the panel that features are built from holds these columns."""

SIZED: Final = ("cpu_usage_cores_mean", "cpu_usage_cores_max", "memory_usage_bytes_mean", "memory_usage_bytes_max")
"""The demand series that are forecast: they get every lag and every window."""

LAG_HOURS: Final = (1, 2, 3, 6, 12, 24, 48, 72, 168, 336)
CHANGE_HOURS: Final = (1, 24, 168)
SHORT, DAILY, WEEKLY = timedelta(hours=6), DAY, timedelta(days=7)

_STATISTIC_WORDS: Final[dict[str, str]] = {
    "mean": "Mean",
    "std": "Standard deviation (sample)",
    "min": "Minimum",
    "p50": "Median",
    "p95": "95th percentile",
    "max": "Maximum",
    "sum": "Sum",
    "count": "Number",
}

_UNITS: Final = {  # a longer name stands before the shorter one it contains
    "bytes_per_second": "bytes/s",
    "requests_per_second": "requests/s",
    "bytes": "bytes",
    "cores": "cores",
    "seconds": "s",
}


def unit_of(column: str) -> str:
    """Return the unit that a column name carries; `1` for ratios and counts of replicas."""
    return next((unit for part, unit in _UNITS.items() if part in column), "1")


def _observations() -> Iterator[FeatureSpec]:
    for column in ROLLUP_MEASURES:
        measure, _, statistic = column.rpartition("_")
        text = f"{_STATISTIC_WORDS.get(statistic)} of {measure} over the interval's slots in which the workload ran."
        if "capacity" in column:
            text = "Provisioned capacity in the interval; 0 while switched off."
        yield FeatureSpec(column, unit_of(column), (column,), None, "workload", "observation", text)
    known = "Share of the interval's grid slots whose state is known."
    yield FeatureSpec("observed_fraction", "1", ("observed_fraction",), None, "workload", "observation", known)
    off = "Share of the interval's grid slots in which the workload was switched off."
    yield FeatureSpec("off_fraction", "1", ("off_fraction",), None, "workload", "observation", off)


def _workload() -> Iterator[FeatureSpec]:
    for resource, usage, capacity in (
        ("cpu", "cpu_usage_cores", "cpu_capacity_cores"),
        ("memory", "memory_usage_bytes", "memory_capacity_bytes"),
    ):
        for statistic in ("mean", "max"):
            name, sources = f"{resource}_utilization_{statistic}", (f"{usage}_{statistic}", capacity)
            text = f"{statistic.capitalize()} {resource} usage divided by capacity."
            yield FeatureSpec(name, "1", sources, None, "workload", "ratio", text)
        unit = unit_of(usage)
        text = f"Provisioned {resource} capacity minus peak usage."
        sources = (capacity, f"{usage}_max")
        yield FeatureSpec(f"{resource}_headroom_{unit}", unit, sources, None, "workload", "difference", text)


def _calendar() -> Iterator[FeatureSpec]:
    for name, (unit, text) in CALENDAR.items():
        yield FeatureSpec(name, unit, ("timestamp",), None, "temporal", "calendar", text)


def _lag(column: str, hours: int, group: Group = "lag") -> FeatureSpec:
    text = f"{column} {hours} h earlier."
    return FeatureSpec(f"{column}_lag_{hours}h", unit_of(column), (column,), hours * HOUR, group, "lag", text)


def _lags() -> Iterator[FeatureSpec]:
    for column in SIZED:
        yield from (_lag(column, hours) for hours in LAG_HOURS)
    for column in ("requests_per_second_mean", "network_receive_bytes_per_second_mean"):
        yield from (_lag(column, hours) for hours in (1, 24, 168))
    for column in SIZED:
        for hours in CHANGE_HOURS:
            text = f"{column} minus its value {hours} h earlier."
            name = f"{column}_change_{hours}h"
            yield FeatureSpec(name, unit_of(column), (column,), hours * HOUR, "lag", "change", text)


def _rolling(column: str, window: timedelta, statistic: Statistic, group: Group = "rolling") -> FeatureSpec:
    label = window_label(window)
    text = f"{_STATISTIC_WORDS[statistic]} of {column} over the last {label}."
    name = f"{column}_rolling_{statistic}_{label}"
    return FeatureSpec(name, unit_of(column), (column,), window, group, "rolling", text, statistic)


def _rollings() -> Iterator[FeatureSpec]:
    spread: tuple[Statistic, ...] = ("mean", "std", "min", "max")
    full: tuple[Statistic, ...] = ("mean", "std", "min", "p50", "p95", "max")
    level: tuple[Statistic, ...] = ("mean", "max")
    for column in SIZED:
        for window, statistics in ((SHORT, spread), (DAILY, full), (WEEKLY, full)):
            yield from (_rolling(column, window, statistic) for statistic in statistics)
    for column in ("cpu_utilization_mean", "memory_utilization_mean", "requests_per_second_mean"):
        for window in (DAILY, WEEKLY):
            yield from (_rolling(column, window, statistic) for statistic in level)
    for column in ("latency_p95_seconds_max", "error_ratio_mean"):
        yield from (_rolling(column, DAILY, statistic) for statistic in level)
    for column in ("network_receive", "network_transmit", "disk_read", "disk_write"):
        yield _rolling(f"{column}_bytes_per_second_mean", DAILY, "mean")
    for column in ("observed_fraction", "off_fraction"):
        yield from (_rolling(column, window, "mean") for window in (DAILY, WEEKLY))
    for column in SIZED:
        for statistic in ("mean", "std", "max"):
            text = f"{_STATISTIC_WORDS[statistic]} of {column} at the same hour on the 7 days before."
            name = f"{column}_same_hour_{statistic}_7d"
            yield FeatureSpec(name, unit_of(column), (column,), WEEKLY, "rolling", "same_hour", text, statistic)


def _across(name: str, column: str, statistic: Statistic, text: str) -> FeatureSpec:
    unit = "1" if statistic == "count" else unit_of(column)
    return FeatureSpec(f"cluster_{name}", unit, (column,), None, "cluster", "across", text, statistic)


def _cluster() -> Iterator[FeatureSpec]:
    statistics: tuple[Statistic, ...] = ("sum", "mean", "std", "max")
    for short in ("cpu_usage_cores", "memory_usage_bytes"):
        for statistic in statistics:
            text = f"{_STATISTIC_WORDS[statistic]} of {short}_mean over the cluster's workloads."
            yield _across(f"{short}_{statistic}", f"{short}_mean", statistic, text)
    for column in ("cpu_capacity_cores", "memory_capacity_bytes"):
        yield _across(f"{column}_sum", column, "sum", f"Sum of {column} over the cluster's workloads.")
    for short in ("network_receive_bytes", "network_transmit_bytes", "disk_read_bytes", "disk_write_bytes", "requests"):
        column = f"{short}_per_second_mean"
        yield _across(f"{short}_per_second_sum", column, "sum", f"Sum of {column} over the cluster's workloads.")
    for column in ("cpu_utilization_mean", "memory_utilization_mean"):
        for statistic in ("mean", "max"):
            name = column.replace("mean", statistic)
            text = f"{_STATISTIC_WORDS[statistic]} of {column} over the cluster's workloads."
            yield _across(name, column, statistic, text)
    count = "Number of the cluster's workloads with known CPU usage."
    yield _across("workloads_running_count", "cpu_usage_cores_mean", "count", count)
    for column in ("cluster_cpu_usage_cores_sum", "cluster_memory_usage_bytes_sum"):
        yield from (_lag(column, hours, "cluster") for hours in (24, 168))
        yield from (_rolling(column, DAILY, statistic, "cluster") for statistic in ("mean", "max"))


def _interaction(name: str, unit: str, transform: str, sources: tuple[str, ...], text: str) -> FeatureSpec:
    return FeatureSpec(name, unit, sources, None, "interaction", transform, text)  # type: ignore[arg-type]


def _interactions() -> Iterator[FeatureSpec]:
    cpu, memory, requests = "cpu_usage_cores_mean", "memory_usage_bytes_mean", "requests_per_second_mean"
    pairs = (
        ("memory_to_cpu_ratio", "bytes per core", memory, cpu, "Memory used per CPU core used."),
        ("cpu_seconds_per_request", "core seconds per request", cpu, requests, "CPU time spent on a request."),
        ("memory_bytes_per_request_rate", "byte seconds per request", memory, requests, "Memory per request rate."),
        (
            "network_receive_bytes_per_request",
            "bytes per request",
            "network_receive_bytes_per_second_mean",
            requests,
            "Bytes received for a request.",
        ),
        ("cpu_peak_to_mean_ratio", "1", "cpu_usage_cores_max", cpu, "CPU peak over CPU mean of the interval."),
        ("memory_peak_to_mean_ratio", "1", "memory_usage_bytes_max", memory, "Memory peak over memory mean."),
        ("cpu_share_of_cluster", "1", cpu, "cluster_cpu_usage_cores_sum", "Share of the cluster's CPU usage."),
        ("memory_share_of_cluster", "1", memory, "cluster_memory_usage_bytes_sum", "Share of the cluster's memory."),
    )
    for name, unit, top, bottom, text in pairs:
        yield _interaction(name, unit, "ratio", (top, bottom), text)
    for short, column in (("cpu", cpu), ("memory", memory)):
        yield from _position(short, column)
    for column in ("cpu_utilization_mean", "memory_utilization_mean"):
        for factor in ("hour_of_day_sin", "hour_of_day_cos", "is_weekend"):
            text = f"{column} times {factor}."
            yield _interaction(f"{column}_times_{factor}", "1", "product", (column, factor), text)


def _position(short: str, column: str) -> Iterator[FeatureSpec]:
    for label in ("24h", "7d"):
        mean, std = f"{column}_rolling_mean_{label}", f"{column}_rolling_std_{label}"
        text = f"{column} over its mean of the last {label}."
        yield _interaction(f"{short}_to_{label}_mean_ratio", "1", "ratio", (column, mean), text)
        text = f"Standard deviations of the last {label} between {column} and its mean."
        yield _interaction(f"{short}_zscore_{label}", "1", "zscore", (column, mean, std), text)
        text = f"Standard deviation over mean of {column} in the last {label}."
        yield _interaction(f"{short}_variation_{label}", "1", "ratio", (std, mean), text)
    trend = (f"{column}_rolling_mean_6h", f"{column}_rolling_mean_7d")
    yield _interaction(f"{short}_trend_6h_to_7d", "1", "ratio", trend, f"{column}: 6 h mean over 7 d mean.")
    usual = (column, f"{column}_same_hour_mean_7d")
    yield _interaction(f"{short}_to_same_hour_ratio", "1", "ratio", usual, f"{column} over its same-hour mean.")


FEATURES: Final[tuple[FeatureSpec, ...]] = (
    *_observations(),
    *_workload(),
    *_calendar(),
    *_lags(),
    *_rollings(),
    *_cluster(),
    *_interactions(),
)
"""Every feature in build order: sources stand before what is made from them."""

BUILT: Final = tuple(spec for spec in FEATURES if spec.transform != "observation")
"""The features that are computed; the others are the observation columns of the panel."""

FEATURES_BY_NAME: Final = {spec.name: spec for spec in FEATURES}

WARMUP: Final = max(spec.window for spec in FEATURES if spec.window is not None)
"""History before a row that its features look at: load it, and a day is built as if the whole range were."""
