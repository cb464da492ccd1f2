"""Cost before and after, and the saving with its interval, as expressions over the decision table."""

import polars as pl

from cloud_optimizer.core.costs.prices import WORKLOAD_PRICE_SCHEMA, PriceSettings, monthly_cost
from cloud_optimizer.core.recommendations.findings import is_changed


def with_prices(table: pl.DataFrame, prices: pl.DataFrame, settings: PriceSettings) -> pl.DataFrame:
    """Add the four prices and the currency to the decision table; workloads without a price get the settings'."""
    names = [name for name in WORKLOAD_PRICE_SCHEMA if name not in {"cluster", "workload_id"}]
    one_each = prices.unique("workload_id", keep="first", maintain_order=True).select("workload_id", *names)
    joined = table.join(one_each, on="workload_id", how="left", maintain_order="left")
    unpriced = pl.col("core_hour").is_null()
    default = settings.row()
    return joined.with_columns(
        pl.when(unpriced).then(pl.lit(default[name])).otherwise(pl.col(name)).alias(name) for name in names
    )


def cost_of(size: str, prefix: str = "") -> pl.Expr:
    """Return the monthly cost of a size column (`target`, `lower`, ...); a resource without a present size is left out.

    Args:
        size: Suffix of the size columns.
        prefix: `list_` for list prices, empty for effective ones.
    """
    sizes = [
        pl.when(pl.col(f"{resource}_current").is_not_null()).then(
            pl.coalesce(f"{resource}_{size}", f"{resource}_current")
        )
        for resource in ("cpu", "memory")
    ]
    return monthly_cost(sizes[0], sizes[1], pl.col(f"{prefix}core_hour"), pl.col(f"{prefix}gib_hour"))


def money() -> dict[str, pl.Expr]:
    """Return the record's cost and saving columns.

    The saving's interval is what would be saved if the size had to end at its upper or may end at its lower bound;
    where nothing changes, nothing is saved. A saving never exceeds the cost: sizes and prices are not negative.
    """
    before, changed = cost_of("current"), is_changed()
    return {
        "list_monthly_cost_before": cost_of("current", "list_"),
        "list_monthly_cost_after": cost_of("target", "list_"),
        "monthly_cost_before": before,
        "monthly_cost_after": cost_of("target"),
        "monthly_saving": before - cost_of("target"),
        "monthly_saving_lower": pl.when(changed).then(before - cost_of("upper")).otherwise(before - before),
        "monthly_saving_upper": pl.when(changed).then(before - cost_of("lower")).otherwise(before - before),
    }
