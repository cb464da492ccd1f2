"""Long-form telemetry, one row a workload, time and metric: which metric becomes which measure.

Sets of monitoring series (CloudWatch, request rates, error counts) come this way, one metric a workload as a rule, and
often without stated units; what is then assumed stands in the table and in the notes. A workload without a CPU metric
keeps its CPU unknown: its demand is its requests, traffic or latency.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from cloud_optimizer.core.contracts import MEASURES
from cloud_optimizer.core.telemetry.column_table import COLUMN_TABLE, AcceptedColumn
from cloud_optimizer.core.telemetry.columns import normalise

METRIC_COLUMNS: Final = ("metric", "metric_name", "measurement")
VALUE_COLUMNS: Final = ("value", "metric_value")
UNIT_COLUMNS: Final = ("unit", "units")
LABEL_COLUMNS: Final = ("is_anomaly", "anomaly", "anomaly_window", "anomaly_point", "label")
"""Labels are never samples: they are read apart, to judge anomaly detection by."""


@dataclass(frozen=True)
class MetricRule:
    """How the values of a metric become a measure.

    Args:
        metric: Normalised name of the metric.
        unit: First words of the stated unit; empty for a unit that is not stated.
        measure: The measure of contracts.MEASURES.
        factor: A value times this is the measure.
        per_interval: The values are totals of a sampling interval and are divided by its seconds.
        assumption: What is not stated by the set and was decided here.
    """

    metric: str
    unit: str
    measure: str
    factor: float = 1.0
    per_interval: bool = False
    assumption: str = ""


ONE_CORE: Final = "the machine is taken as one core"
RATE: Final = "the unit is not stated, taken as requests/s"

METRIC_TABLE: Final = (
    MetricRule("cpu_utilization", "percent", "cpu_usage_cores", 0.01, assumption=ONE_CORE),
    MetricRule("disk_write", "bytes per interval", "disk_write_bytes_per_second", per_interval=True),
    MetricRule("disk_read", "bytes per interval", "disk_read_bytes_per_second", per_interval=True),
    MetricRule("network_in", "bytes per interval", "network_receive_bytes_per_second", per_interval=True),
    MetricRule("network_out", "bytes per interval", "network_transmit_bytes_per_second", per_interval=True),
    MetricRule("request_count", "requests per interval", "requests_per_second", per_interval=True),
    MetricRule("group_size", "instances", "replicas"),
    MetricRule("request_latency", "", "latency_p95_seconds", 0.001, assumption="taken as p95 in milliseconds"),
    MetricRule("middle_tier_api_dependency_latency", "", "latency_p95_seconds", 0.001, assumption="taken as p95 in ms"),
    MetricRule("ecommerce_api_incoming_rps", "", "requests_per_second"),
    MetricRule("mongodb_application_rps", "", "requests_per_second"),
    MetricRule("mongodb_machine_rps", "", "requests_per_second"),
    MetricRule("data_ingress_rate", "", "requests_per_second", assumption=RATE),
    MetricRule("consumer_purchase_rate", "", "requests_per_second", assumption=RATE),
    MetricRule("application_crash_rate_1", "", "requests_per_second", assumption=f"a count of crashes; {RATE}"),
    MetricRule("application_crash_rate_2", "", "error_ratio", assumption="taken as a fraction"),
    MetricRule("service_unavailable", "", "error_ratio", assumption="taken as a fraction"),
)
"""Metrics of the CloudWatch series of NAB and of the Microsoft cloud monitoring set. Any other metric may carry a name
of the column table whose quantity is a measure, or `cpu_utilization`."""


def rule_of(metric: str, unit: str | None) -> MetricRule | None:
    """Return the rule of a metric in its stated unit; None where the metric or the unit is not known."""
    name, stated = normalise(metric), (unit or "").strip().lower()
    stated = "" if stated == "not stated" else stated
    for rule in METRIC_TABLE:
        if rule.metric == name and (stated.startswith(rule.unit) if rule.unit else not stated):
            return rule
    for entry in COLUMN_TABLE:
        if name in entry.names and (entry.quantity in MEASURES or entry.quantity == "cpu_utilization"):
            return _rule_in_unit(name, entry, stated)
    return None


def _rule_in_unit(name: str, named: AcceptedColumn, stated: str) -> MetricRule | None:
    for entry in (named, *COLUMN_TABLE):
        if entry.quantity == named.quantity and stated in {"", entry.unit.lower()}:
            if entry.quantity == "cpu_utilization":
                return MetricRule(name, stated, "cpu_usage_cores", entry.factor, assumption=ONE_CORE)
            return MetricRule(name, stated, entry.quantity, entry.factor)
    return None


def describe(metric: str, rule: MetricRule) -> str:
    """Say in words what becomes of a metric."""
    scale = f", times {rule.factor:g}" if rule.factor != 1.0 else ""
    interval = ", divided by the seconds of an interval" if rule.per_interval else ""
    assumption = f" ({rule.assumption})" if rule.assumption else ""
    return f"{metric} becomes {rule.measure}{scale}{interval}{assumption}"


def widen(rows: pl.LazyFrame, rules: Sequence[tuple[str, MetricRule]], interval_seconds: float) -> pl.LazyFrame:
    """Return one row a workload and time, with a column for each measure that a metric gives.

    Metrics of the same workload and time share a row. A value that comes twice makes a second row: duplicates are kept.

    Args:
        rows: Columns cluster, workload_id, timestamp, series, value (Float64), in the order of the file. The series
            tells metrics, and units of the same metric, apart.
        rules: The series that are known, with their rules; rows of others are left out.
        interval_seconds: Sampling interval of the totals.
    """
    series = pl.col("series")
    measure = series.replace_strict({name: rule.measure for name, rule in rules}, default=None, return_dtype=pl.String)
    factor = series.replace_strict(
        {name: rule.factor / (interval_seconds if rule.per_interval else 1.0) for name, rule in rules},
        default=None,
        return_dtype=pl.Float64,
    )
    keys = ("cluster", "workload_id", "timestamp")
    known = rows.with_columns(measure=measure, value=pl.col("value") * factor).filter(pl.col("measure").is_not_null())
    numbered = known.with_columns(repeat=pl.int_range(pl.len()).over(*keys, "measure"))
    given = [name for name in MEASURES if name in {rule.measure for _, rule in rules}]
    values = [pl.col("value").filter(pl.col("measure") == name).first().alias(name) for name in given]
    whole_core = [name for name, rule in rules if rule.assumption == ONE_CORE]
    capacity = pl.when(series.is_in(whole_core).any()).then(1.0)
    if whole_core and "cpu_capacity_cores" not in given:
        values.append(capacity.alias("cpu_capacity_cores"))
    return numbered.group_by(*keys, "repeat", maintain_order=True).agg(*values).drop("repeat")
