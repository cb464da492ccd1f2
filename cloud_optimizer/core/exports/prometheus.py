"""Prometheus text exposition 0.0.4: gauges of the latest recommendation of each workload."""

from typing import Final

import polars as pl

PREFIX: Final = "cloud_optimizer_recommendation"

GAUGES: Final = (
    ("current_cpu_cores", "cpu_current_cores", "Present CPU capacity."),
    ("recommended_cpu_cores", "cpu_recommended_cores", "Recommended CPU capacity."),
    ("lower_cpu_cores", "cpu_lower_bound_cores", "CPU capacity below which a change pays."),
    ("upper_cpu_cores", "cpu_upper_bound_cores", "CPU capacity above which a change pays."),
    ("current_memory_bytes", "memory_current_bytes", "Present memory capacity."),
    ("recommended_memory_bytes", "memory_recommended_bytes", "Recommended memory capacity."),
    ("lower_memory_bytes", "memory_lower_bound_bytes", "Memory capacity below which a change pays."),
    ("upper_memory_bytes", "memory_upper_bound_bytes", "Memory capacity above which a change pays."),
    ("recommended_replicas", "replicas", "Recommended number of replicas."),
    ("risk_cpu", "cpu_shortage_ratio", "Expected share of the next day with CPU demand above the recommendation."),
    ("risk_memory", "memory_shortage_ratio", "Expected share of the next day with memory demand above it."),
    ("monthly_cost_before", "monthly_cost_before", "Cost of the present size for 730 hours."),
    ("monthly_cost_after", "monthly_cost_after", "Cost of the recommended size for 730 hours."),
    ("monthly_saving", "monthly_saving", "Saving of the recommended size for 730 hours."),
    ("completeness", "completeness_ratio", "Share of the expected samples behind the recommendation."),
)
"""Column, metric name after the prefix, and help text; unknown values give no sample."""


def metrics(recommendations: pl.DataFrame) -> str:
    """Return gauges labelled by cluster and workload, money also by currency, and an info metric with the finding.

    Only the latest day of each workload is written, because a series may occur once in an exposition.
    """
    latest = recommendations.sort("cluster", "workload_id", "date").unique(
        ["cluster", "workload_id"], keep="last", maintain_order=True
    )
    lines = [_info(latest)]
    lines += [_gauge(latest, column, name, text) for column, name, text in GAUGES]
    return "".join(lines)


def _gauge(latest: pl.DataFrame, column: str, name: str, text: str) -> str:
    labels = ["cluster", "workload_id"] + (["currency"] if column.startswith("monthly") else [])
    known = latest.filter(pl.col(column).is_not_null()).select(*labels, column)
    samples = [f"{PREFIX}_{name}{{{_labels(row, labels)}}} {row[column]!r}\n" for row in known.iter_rows(named=True)]
    return f"# HELP {PREFIX}_{name} {text}\n# TYPE {PREFIX}_{name} gauge\n" + "".join(samples)


def _info(latest: pl.DataFrame) -> str:
    labels = ["cluster", "workload_id", "finding", "risk", "slo_class", "algorithm", "model_version"]
    samples = [f"{PREFIX}_info{{{_labels(row, labels)}}} 1\n" for row in latest.select(labels).iter_rows(named=True)]
    header = f"# HELP {PREFIX}_info What was found; the value is always 1.\n# TYPE {PREFIX}_info gauge\n"
    return header + "".join(samples)


def _labels(row: dict[str, object], names: list[str]) -> str:
    return ",".join(f'{"workload" if name == "workload_id" else name}="{_escaped(row[name])}"' for name in names)


def _escaped(value: object) -> str:
    """Escape a label value as the exposition format wants it: backslash, quote and line feed."""
    text = "" if value is None else str(value)
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
