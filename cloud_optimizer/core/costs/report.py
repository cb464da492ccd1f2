"""What the recommendations of a cluster are worth to each owner, every saving counted once."""

from collections.abc import Mapping
from typing import Final, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

Effort = Literal["none", "low", "medium", "high"]

UNOWNED: Final = "unassigned"

COST_REPORT_SCHEMA: Final = pl.Schema(
    {
        "cluster": pl.String(),
        "date": pl.Date(),  # day of the latest recommendation
        "owner": pl.String(),  # null: the whole cluster
        "currency": pl.String(),
        "workloads": pl.UInt32(),
        "changes": pl.UInt32(),  # recommendations that change a size
        "list_monthly_cost_before": pl.Float64(),
        "list_monthly_cost_after": pl.Float64(),
        "monthly_cost_before": pl.Float64(),
        "monthly_cost_after": pl.Float64(),
        "monthly_saving": pl.Float64(),  # net: savings less what the increases cost
        "monthly_saving_lower": pl.Float64(),
        "monthly_saving_upper": pl.Float64(),
        "gross_monthly_saving": pl.Float64(),  # of the decreases alone
        "monthly_reinvestment": pl.Float64(),  # what the increases cost
        "saving_ratio": pl.Float64(),  # monthly_saving / monthly_cost_before
        "change_cost": pl.Float64(),  # once: work of making the changes
        "roi": pl.Float64(),  # (saving over the horizon - change cost) / change cost
        "payback_days": pl.Float64(),  # until the saving has paid for the changes
    }
)


def _default_hours() -> dict[Effort, float]:
    return {"none": 0.0, "low": 0.1, "medium": 0.5, "high": 4.0}


class CostReportSettings(BaseModel):
    """What a change costs to make, and over which time it must pay."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hourly_rate: float = Field(
        default=80.0, ge=0, description="Cost of an hour of engineering, in the prices' currency."
    )
    effort_hours: Mapping[Effort, float] = Field(
        default_factory=_default_hours, description="Hours of work to make a change, by its effort."
    )
    horizon_months: float = Field(
        default=12.0, gt=0, le=120, description="Months over which savings are set against work."
    )


def distinct_savings(recommendations: pl.DataFrame) -> pl.DataFrame:
    """Keep the latest recommendation of each workload, with every saving counted once.

    Recommendations of one overlap group and currency claim the same money, e.g. two workloads of which one can go: the
    one that saves most counts, the savings of the others become 0 and their cost stays. What costs more overlaps
    nothing.

    Args:
        recommendations: Rows in `RECOMMENDATION_SCHEMA`, any number of days and clusters.
    """
    newest_first = recommendations.sort("date", "created_at", descending=True, maintain_order=True)
    latest = newest_first.unique(["cluster", "workload_id"], keep="first").sort("cluster", "workload_id")
    group = pl.struct("cluster", "currency", pl.coalesce("overlap_group", "workload_id"))
    place = pl.col("monthly_saving").rank("ordinal", descending=True).over(group)
    claimed = (place > 1) & (pl.col("monthly_saving") > 0)
    savings = ("monthly_saving", "monthly_saving_lower", "monthly_saving_upper")
    return latest.with_columns(
        *(pl.when(claimed).then(0.0).otherwise(pl.col(name)).alias(name) for name in savings),
        *(
            pl.when(claimed).then(f"{name}_before").otherwise(f"{name}_after").alias(f"{name}_after")
            for name in ("monthly_cost", "list_monthly_cost")
        ),
        pl.when(claimed).then(pl.lit("none")).otherwise("effort").alias("effort"),
    )


def cost_report(
    recommendations: pl.DataFrame,
    workloads: pl.DataFrame | None = None,
    settings: CostReportSettings | None = None,
) -> pl.DataFrame:
    """Add up cost, saving and return on the work, per cluster and owner and for the whole cluster.

    Args:
        recommendations: Rows in `RECOMMENDATION_SCHEMA`; of overlapping ones one counts.
        workloads: Columns `cluster`, `workload_id`, `owner`, where owners are kept apart from the recommendations.
        settings: Price of work and horizon.

    Returns:
        Rows in `COST_REPORT_SCHEMA`: the cluster's total of each currency (owner null) first, then its owners, those of
        a currency by falling saving.
    """
    settings = settings or CostReportSettings()
    counted = _with_owner(distinct_savings(recommendations), workloads).with_columns(_change_cost(settings))
    keys = ["cluster", "currency"]
    total = counted.group_by(keys).agg(_sums()).with_columns(owner=pl.lit(None, pl.String), level=pl.lit(0))
    owned = counted.group_by(*keys, "owner").agg(_sums()).with_columns(level=pl.lit(1))
    report = pl.concat([total, owned], how="diagonal").with_columns(_returns(settings))
    order = {"cluster": False, "level": False, "currency": False, "monthly_saving": True, "owner": False}
    ordered = report.sort(list(order), descending=list(order.values()))
    return ordered.select(COST_REPORT_SCHEMA.names()).cast(COST_REPORT_SCHEMA)


def _with_owner(recommendations: pl.DataFrame, workloads: pl.DataFrame | None) -> pl.DataFrame:
    if workloads is None or "owner" not in workloads.columns:
        return recommendations.with_columns(pl.col("owner").fill_null(UNOWNED))
    named = workloads.select("cluster", "workload_id", pl.col("owner").alias("named_owner")).unique(
        ["cluster", "workload_id"], keep="first", maintain_order=True
    )
    joined = recommendations.join(named, on=["cluster", "workload_id"], how="left", maintain_order="left")
    return joined.with_columns(owner=pl.coalesce("named_owner", "owner", pl.lit(UNOWNED))).drop("named_owner")


def _change_cost(settings: CostReportSettings) -> pl.Expr:
    hours = pl.col("effort").replace_strict(
        list(settings.effort_hours), list(settings.effort_hours.values()), default=0.0, return_dtype=pl.Float64
    )
    return (hours * settings.hourly_rate).alias("change_cost")


def _sums() -> list[pl.Expr]:
    saving = pl.col("monthly_saving")
    summed = [name for name in COST_REPORT_SCHEMA if "monthly_cost" in name or name.startswith("monthly_saving")]
    return [
        pl.col("date").max(),
        pl.len().alias("workloads"),
        pl.col("effort").ne_missing("none").sum().alias("changes"),
        *(pl.col(name).sum() for name in summed),
        saving.clip(lower_bound=0.0).sum().alias("gross_monthly_saving"),
        (-saving.clip(upper_bound=0.0)).sum().alias("monthly_reinvestment"),
        pl.col("change_cost").sum(),
    ]


def _returns(settings: CostReportSettings) -> list[pl.Expr]:
    saving, work, before = pl.col("monthly_saving"), pl.col("change_cost"), pl.col("monthly_cost_before")
    days_per_month = 365.0 / 12.0
    return [
        pl.when(before > 0).then(saving / before).alias("saving_ratio"),
        pl.when(work > 0).then((saving * settings.horizon_months - work) / work).alias("roi"),
        pl.when(saving > 0).then(work / saving * days_per_month).alias("payback_days"),
    ]
