"""Effective and list unit prices from FOCUS 1.2 cost lines (https://focus.finops.org, FinOps Foundation).

EffectiveCost is amortised: commitments are spread over the usage they cover. So usage lines alone give the price, and
purchases, taxes, credits and corrections of earlier periods are left out.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.core.costs.prices import BYTES_PER_GIB, WORKLOAD_PRICE_SCHEMA, PriceSettings
from cloud_optimizer.core.errors import InputError

FOCUS_SCHEMA: Final = pl.Schema(
    {
        "ResourceId": pl.String(),
        "ChargeCategory": pl.String(),  # Usage, Purchase, Tax, Credit, Adjustment
        "ChargeClass": pl.String(),  # Correction, or null
        "ServiceCategory": pl.String(),  # Compute, Storage, Networking, ...
        "ChargePeriodStart": UTC_TIMESTAMP,
        "ChargePeriodEnd": UTC_TIMESTAMP,
        "BilledCost": pl.Float64(),
        "EffectiveCost": pl.Float64(),
        "ListCost": pl.Float64(),
        "ConsumedQuantity": pl.Float64(),
        "ConsumedUnit": pl.String(),
        "BillingCurrency": pl.String(),
    }
)
"""The FOCUS columns that are used; others may stand beside them."""

METERS: Final = {
    "hours": ("instance", 1.0),
    "hour": ("instance", 1.0),
    "hrs": ("instance", 1.0),
    "instance-hours": ("instance", 1.0),
    "vcpu-hours": ("core", 1.0),
    "core-hours": ("core", 1.0),
    "cpu-hours": ("core", 1.0),
    "gib-hours": ("gib", 1.0),
    "gb-hours": ("gib", 1e9 / BYTES_PER_GIB),
}
"""What a consumed unit meters and how many hours of it one unit is, lower case."""

MINIMUM_HOURS: Final = 1e-9


@dataclass(frozen=True)
class BillPrices:
    """What a bill says.

    Args:
        prices: Workloads that the bill prices, in `WORKLOAD_PRICE_SCHEMA`.
        unused: Lines that gave no price: reason, lines, effective_cost. Nothing is dropped silently.
    """

    prices: pl.DataFrame
    unused: pl.DataFrame


def prices_from_bill(lines: pl.DataFrame, resources: pl.DataFrame, settings: PriceSettings) -> BillPrices:
    """Derive unit prices of each workload from its cost lines.

    A core-hour or GiB-hour meter gives its price directly. A line per instance-hour is split between cores and memory
    in the proportion of `settings`: an instance of 4 cores and 16 GiB billed at .15 an hour, where the settings would
    say 4 * .0316 + 16 * .0042 = .1936, has both prices times .15 / .1936.

    Args:
        lines: FOCUS 1.2 lines, at least the columns of `FOCUS_SCHEMA`.
        resources: cluster, workload_id, resource_id, cpu_capacity_cores, memory_capacity_bytes of each workload.
        settings: Proportion of core and memory price. Where a bill meters only one of both, the other costs nothing.

    Raises:
        InputError: A column is missing or the lines mix currencies.
    """
    typed = _typed(lines)
    known = typed.join(resources, left_on="ResourceId", right_on="resource_id", how="left")
    marked = known.with_columns(reason=_reason_unused(), **_meter()).with_columns(
        quantity=pl.col("ConsumedQuantity") * pl.col("unit_hours"),
        reason=pl.coalesce("reason", pl.when(_is_refunded()).then(pl.lit("more was refunded than used"))),
    )
    unused = marked.filter(pl.col("reason").is_not_null())
    metered = marked.filter(pl.col("reason").is_null()).group_by("cluster", "workload_id").agg(_unit_costs())
    currency = typed["BillingCurrency"].drop_nulls().first() if typed.height else settings.currency
    return BillPrices(
        _prices(metered, settings, str(currency or settings.currency)),
        unused.group_by("reason")
        .agg(lines=pl.len(), effective_cost=pl.col("EffectiveCost").sum())
        .sort("effective_cost", "reason", descending=[True, False]),
    )


def _typed(lines: pl.DataFrame) -> pl.DataFrame:
    missing = [name for name in FOCUS_SCHEMA if name not in lines.columns]
    if missing:
        raise InputError(f"The cost lines lack the FOCUS column {missing[0]}: export them as FOCUS 1.2.")
    typed = lines.select(FOCUS_SCHEMA.names()).cast(FOCUS_SCHEMA)
    currencies = typed["BillingCurrency"].drop_nulls().unique().sort().to_list()
    if len(currencies) > 1:
        raise InputError(f"The cost lines mix currencies ({', '.join(currencies)}): give one file for each currency.")
    return typed


def _meter() -> dict[str, pl.Expr]:
    unit = pl.col("ConsumedUnit").str.to_lowercase()
    return {
        "meter": unit.replace_strict({name: meter for name, (meter, _) in METERS.items()}, default=None),
        "unit_hours": unit.replace_strict({name: hours for name, (_, hours) in METERS.items()}, default=None),
    }


def _reason_unused() -> pl.Expr:
    """Return why a line gives no price, null where it does."""
    is_metered = pl.col("ConsumedUnit").str.to_lowercase().is_in(list(METERS))
    return (
        pl.when(pl.col("ChargeCategory").ne_missing("Usage"))
        .then(pl.lit("not usage"))
        .when(pl.col("ChargeClass").eq_missing("Correction"))
        .then(pl.lit("correction of an earlier period"))
        .when(pl.col("workload_id").is_null())
        .then(pl.lit("resource is not a workload here"))
        .when(pl.col("ServiceCategory").ne_missing("Compute"))
        .then(pl.lit("not compute"))
        .when(is_metered.not_().fill_null(True))
        .then(pl.lit("unit meters neither cores nor memory"))
        .when((pl.col("ConsumedQuantity") > MINIMUM_HOURS).not_().fill_null(True))
        .then(pl.lit("no consumed quantity"))
    )


def _is_refunded() -> pl.Expr:
    """Return where the lines of a workload's meter add up to less than nothing, which is no price of a size."""
    priced = pl.col("EffectiveCost", "ListCost").filter(pl.col("reason").is_null())
    return pl.any_horizontal(priced.sum().over("cluster", "workload_id", "meter") < 0.0)


def _unit_costs() -> list[pl.Expr]:
    """Return cost per hour of each meter, effective and list, null where the workload has no such line."""
    expressions: list[pl.Expr] = [
        pl.col("cpu_capacity_cores").first(),
        pl.col("memory_capacity_bytes").first(),
    ]
    for meter in ("instance", "core", "gib"):
        of_meter = pl.col("meter") == meter
        quantity = pl.col("quantity").filter(of_meter).sum()
        for prefix, column in (("", "EffectiveCost"), ("list_", "ListCost")):
            cost = pl.col(column).filter(of_meter)
            per_hour = pl.when((quantity > 0) & (cost.null_count() == 0)).then(cost.sum() / quantity)
            expressions.append(per_hour.alias(f"{prefix}{meter}_hour"))
    return expressions


def _prices(metered: pl.DataFrame, settings: PriceSettings, currency: str) -> pl.DataFrame:
    """Split instance prices by the proportion of the settings; meters that name cores or memory come first."""
    default = settings.row()
    columns = []
    for prefix in ("", "list_"):
        core, gib = float(default[f"{prefix}core_hour"]), float(default[f"{prefix}gib_hour"])
        cores, memory = (pl.col(name).fill_null(0.0) for name in ("cpu_capacity_cores", "memory_capacity_bytes"))
        expected = cores * core + memory / BYTES_PER_GIB * gib
        factor = pl.when(expected > 0).then(pl.col(f"{prefix}instance_hour") / expected)
        columns += [
            pl.coalesce(f"{prefix}core_hour", factor * core).alias(f"{prefix}core_hour"),
            pl.coalesce(f"{prefix}gib_hour", factor * gib).alias(f"{prefix}gib_hour"),
        ]
    priced = metered.with_columns(columns).filter(pl.col("core_hour").is_not_null() | pl.col("gib_hour").is_not_null())
    completed = priced.with_columns(
        pl.col("core_hour").fill_null(0.0), pl.col("gib_hour").fill_null(0.0), currency=pl.lit(currency)
    ).with_columns(pl.coalesce("list_core_hour", "core_hour"), pl.coalesce("list_gib_hour", "gib_hour"))
    return completed.select(WORKLOAD_PRICE_SCHEMA.names()).cast(WORKLOAD_PRICE_SCHEMA).sort("workload_id")
