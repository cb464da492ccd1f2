"""Unit prices of capacity and the cost of a size; where prices come from a bill, see `costs.focus`."""

from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.errors import InputError

BYTES_PER_GIB: Final = 2**30
HOURS_PER_MONTH: Final = 730.0  # 365 * 24 / 12

PRICE_COLUMNS: Final = ("core_hour", "gib_hour", "list_core_hour", "list_gib_hour")
"""Effective and list price of one core and of one GiB of memory for an hour."""

PRICE_TABLE_SCHEMA: Final = pl.Schema(
    {
        "cluster": pl.String(),  # null: any cluster
        "sku": pl.String(),  # null: any SKU (instance family, node pool, contract)
        **dict.fromkeys(PRICE_COLUMNS, pl.Float64()),  # null list price: the effective one
        "currency": pl.String(),
    }
)
"""Prices as a person writes them down: the most specific row wins."""

WORKLOAD_PRICE_SCHEMA: Final = pl.Schema(
    {
        "cluster": pl.String(),
        "workload_id": pl.String(),
        **dict.fromkeys(PRICE_COLUMNS, pl.Float64()),
        "currency": pl.String(),
    }
)
"""The prices of each workload."""

SPECIFICITY: Final = (("cluster", "sku"), ("cluster",), ("sku",), ())
"""What a row of the price table names, most specific first."""


class PriceSettings(BaseModel):
    """Prices where nothing better is known; the defaults are public on-demand prices of a general purpose VM."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    core_hour: float = Field(default=0.0316, ge=0, le=1e6, description="Effective price of one core for an hour.")
    gib_hour: float = Field(
        default=0.0042, ge=0, le=1e6, description="Effective price of one GiB of memory for an hour."
    )
    list_core_hour: float | None = Field(
        default=None, ge=0, le=1e6, description="List price of a core-hour; as effective."
    )
    list_gib_hour: float | None = Field(
        default=None, ge=0, le=1e6, description="List price of a GiB-hour; as effective."
    )
    currency: str = Field(default="USD", min_length=3, max_length=3, description="ISO 4217 code of every price.")

    def row(self) -> dict[str, float | str]:
        """Return the prices and the currency by their column names."""
        return {
            "core_hour": self.core_hour,
            "gib_hour": self.gib_hour,
            "list_core_hour": self.core_hour if self.list_core_hour is None else self.list_core_hour,
            "list_gib_hour": self.gib_hour if self.list_gib_hour is None else self.list_gib_hour,
            "currency": self.currency,
        }


def monthly_cost(cores: pl.Expr, memory_bytes: pl.Expr, core_hour: pl.Expr, gib_hour: pl.Expr) -> pl.Expr:
    """Return what a size costs in a month of 730 hours; the unknown part is left out, null when both are unknown.

    2 cores and 8 GiB at .0316 and .0042: 730 * (2 * .0316 + 8 * .0042) = 70.66.
    """
    cpu_cost = cores * core_hour * HOURS_PER_MONTH
    memory_cost = memory_bytes / BYTES_PER_GIB * gib_hour * HOURS_PER_MONTH
    known = cpu_cost.is_not_null() | memory_cost.is_not_null()
    return pl.when(known).then(cpu_cost.fill_null(0.0) + memory_cost.fill_null(0.0))


def workload_prices(workloads: pl.DataFrame, table: pl.DataFrame | None, settings: PriceSettings) -> pl.DataFrame:
    """Give each workload the most specific price: its own, (cluster, SKU), cluster, SKU, any, then `settings`.

    Args:
        workloads: Columns `cluster`, `workload_id`; `sku` where prices differ by it; `PRICE_COLUMNS` and `currency`
            where workloads have prices of their own.
        table: Rows in `PRICE_TABLE_SCHEMA`, or None.
        settings: The last resort.

    Returns:
        One row a workload in `WORKLOAD_PRICE_SCHEMA`, in the order of `workloads`.

    Raises:
        InputError: A row of the table lacks a price, has a negative one, or names what another row names.
    """
    sku = pl.col("sku") if "sku" in workloads.columns else pl.lit(None, pl.String).alias("sku")
    priced = workloads.select("cluster", "workload_id", sku, _own_price(workloads, settings), every=True)
    given = PRICE_TABLE_SCHEMA.to_frame() if table is None else table
    check_prices(given)
    rows = given.select("cluster", "sku", price=_price(settings))
    for depth, keys in enumerate(SPECIFICITY):
        named = [pl.col(key).is_not_null() if key in keys else pl.col(key).is_null() for key in ("cluster", "sku")]
        price = rows.filter(named).select(*keys, pl.lit(True).alias("every"), pl.col("price").alias(f"price_{depth}"))
        priced = priced.join(price, on=[*keys, "every"], how="left", maintain_order="left")
    default = pl.struct(pl.lit(value).alias(name) for name, value in settings.row().items())
    chosen = pl.coalesce("own", *(f"price_{depth}" for depth in range(len(SPECIFICITY))), default).alias("price")
    return priced.select("cluster", "workload_id", chosen).unnest("price").cast(WORKLOAD_PRICE_SCHEMA)


def check_prices(table: pl.DataFrame) -> None:
    """Check a price table (`PRICE_TABLE_SCHEMA`).

    Raises:
        InputError: A row lacks a price, has a negative one, or names what another row names.
    """
    twice = table.filter(pl.struct("cluster", "sku").is_duplicated())
    if twice.height:
        cluster, sku = twice.select("cluster", "sku").row(0)
        raise InputError(
            f"The price table names cluster {cluster or 'any'} and SKU {sku or 'any'} twice: keep one of the rows."
        )
    effective_missing = pl.any_horizontal(pl.col("core_hour", "gib_hour").is_null())
    negative = pl.any_horizontal(pl.col(PRICE_COLUMNS).fill_null(0.0) < 0)
    if table.filter(effective_missing | negative).height:
        raise InputError("A row of the price table lacks core_hour or gib_hour or is negative: give both, 0 or more.")
    check_currency(table)


def check_currency(table: pl.DataFrame) -> None:
    """Check the column `currency`, where there is one.

    Raises:
        InputError: A value has not three characters.
    """
    if "currency" in table.columns:
        other = table.filter(pl.col("currency").str.len_chars() != 3)
        if other.height:
            raise InputError(f"{other['currency'][0]} is no currency: give its ISO 4217 code, such as USD or EUR.")


def _own_price(workloads: pl.DataFrame, settings: PriceSettings) -> pl.Expr:
    """Return the price that was told of the workload itself; half a price is none."""
    if not {*PRICE_COLUMNS, "currency"} <= set(workloads.columns):
        return pl.lit(None).alias("own")
    told = pl.col("core_hour").is_not_null() & pl.col("gib_hour").is_not_null()
    return pl.when(told).then(_price(settings)).alias("own")


def _price(settings: PriceSettings) -> pl.Expr:
    return pl.struct(
        "core_hour",
        "gib_hour",
        pl.coalesce("list_core_hour", "core_hour").alias("list_core_hour"),
        pl.coalesce("list_gib_hour", "gib_hour").alias("list_gib_hour"),
        pl.col("currency").fill_null(settings.currency),
    )
