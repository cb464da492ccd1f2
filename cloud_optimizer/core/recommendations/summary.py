"""The few rows a person wants to see first: what can be saved, what runs short, and the sums."""

from typing import Final

import polars as pl

from cloud_optimizer.core.costs.report import distinct_savings
from cloud_optimizer.core.recommendations.findings import FINDINGS
from cloud_optimizer.core.recommendations.risk import worst

SIZE_COLUMNS: Final = ("current_cpu_cores", "recommended_cpu_cores", "current_memory_bytes", "recommended_memory_bytes")


def top_savings(recommendations: pl.DataFrame, count: int = 10) -> pl.DataFrame:
    """Return the workloads that save most: sizes, saving a month, its share of the cost, risk, highest saving first.

    Of several currencies each has a list of its own: money is compared with money of its kind only.
    """
    counted = distinct_savings(recommendations).filter(pl.col("monthly_saving") > 0)
    largest_first = counted.sort("currency", "monthly_saving", "workload_id", descending=[False, True, False])
    ordered = largest_first.group_by("currency", maintain_order=True).head(count)
    return ordered.select(
        "cluster",
        "workload_id",
        "finding",
        *SIZE_COLUMNS,
        "monthly_saving",
        saving_ratio=pl.col("monthly_saving") / pl.col("monthly_cost_before"),
        currency="currency",
        risk="risk",
    )


def top_risks(recommendations: pl.DataFrame, count: int = 10) -> pl.DataFrame:
    """Return the workloads most short at their present size, with the risk that remains and what removing it costs."""
    latest = distinct_savings(recommendations).with_columns(
        risk_before=worst(pl.col("current_risk_cpu"), pl.col("current_risk_memory")),
        risk_after=worst(pl.col("risk_cpu"), pl.col("risk_memory")),
    )
    ordered = latest.filter(pl.col("risk_before") > 0).sort("risk_before", "workload_id", descending=[True, False])
    return ordered.head(count).select(
        "cluster", "workload_id", "finding", *SIZE_COLUMNS, "risk_before", "risk_after", "monthly_saving", "currency"
    )


def totals(recommendations: pl.DataFrame) -> pl.DataFrame:
    """Return one row a cluster and currency: workloads, how many of each finding, cost before and after, saving."""
    counted = distinct_savings(recommendations)
    sums = (
        "monthly_cost_before",
        "monthly_cost_after",
        "monthly_saving",
        "monthly_saving_lower",
        "monthly_saving_upper",
    )
    return (
        counted.group_by("cluster", "currency")
        .agg(
            pl.len().alias("workloads"),
            *((pl.col("finding") == name).sum().alias(name) for name in FINDINGS),
            *(pl.col(name).sum() for name in sums),
        )
        .sort("cluster", "currency")
    )
