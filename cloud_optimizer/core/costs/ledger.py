"""What was promised and what came of it: savings of applied recommendations, measured against the telemetry after."""

from datetime import datetime
from typing import Final

import polars as pl

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.core.costs.prices import BYTES_PER_GIB, HOURS_PER_MONTH
from cloud_optimizer.core.errors import InputError

LEDGER_SCHEMA: Final = pl.Schema(
    {
        "recommendation_id": pl.String(),
        "cluster": pl.String(),
        "workload_id": pl.String(),
        "owner": pl.String(),
        "applied_at": UTC_TIMESTAMP,
        "applied_by": pl.String(),
        "reverted_at": UTC_TIMESTAMP,  # null: still in force
        "reverted_by": pl.String(),
        "revert_reason": pl.String(),
        "cpu_cores_before": pl.Float64(),
        "cpu_cores_after": pl.Float64(),
        "memory_bytes_before": pl.Float64(),
        "memory_bytes_after": pl.Float64(),
        "core_hour": pl.Float64(),  # effective prices when it was applied: the saving is not the price change's
        "gib_hour": pl.Float64(),
        "currency": pl.String(),
        "predicted_monthly_saving": pl.Float64(),
        "predicted_monthly_saving_lower": pl.Float64(),
        "predicted_monthly_saving_upper": pl.Float64(),
        "predicted_risk_cpu": pl.Float64(),
        "predicted_risk_memory": pl.Float64(),
    }
)
"""One applied recommendation, with its rollback where there was one. What came of it is `realised`."""

REALISED_SCHEMA: Final = pl.Schema(
    {
        "recommendation_id": pl.String(),
        "cluster": pl.String(),
        "workload_id": pl.String(),
        "owner": pl.String(),
        "currency": pl.String(),
        "status": pl.String(),  # in_force, superseded or reverted
        "hours": pl.Float64(),  # hours on and observed since it was applied, while in force
        "predicted_saving": pl.Float64(),  # of those hours
        "realised_saving": pl.Float64(),
        "realisation_ratio": pl.Float64(),  # realised / predicted
        "short_hours_cpu": pl.Float64(),  # hours whose peak reached the capacity
        "short_hours_memory": pl.Float64(),
    }
)

HOUR_COLUMNS: Final = ("hours", "predicted_saving", "realised_saving", "short_hours_cpu", "short_hours_memory")
"""What is known of one hour of an entry; all of them add up over hours."""

REALISED_DAY_SCHEMA: Final = pl.Schema(
    {
        "recommendation_id": pl.String(),
        "cluster": pl.String(),
        "workload_id": pl.String(),
        "date": pl.Date(),
        "predicted_saving": pl.Float64(),
        "realised_saving": pl.Float64(),
        "currency": pl.String(),
    }
)

CAPACITIES: Final = {"cpu_cores": "cpu_capacity_cores", "memory_bytes": "memory_capacity_bytes"}
"""Sizes of an entry and the roll-up columns in which they are seen."""

SATURATED: Final = 0.98  # share of the capacity from which an hour's peak counts as short


def record_applied(
    ledger: pl.DataFrame, recommendations: pl.DataFrame, prices: pl.DataFrame, applied_at: datetime, applied_by: str
) -> pl.DataFrame:
    """Add recommendations that were applied; one that is in the ledger already stays as it is.

    What was promised and what is measured at these prices stand side by side, so they must have one currency.

    Args:
        ledger: Rows in `LEDGER_SCHEMA`.
        recommendations: Applied rows in `RECOMMENDATION_SCHEMA`.
        prices: Rows in `WORKLOAD_PRICE_SCHEMA`, of every applied workload.
        applied_at: Time of the change, UTC.
        applied_by: Who or what made it.

    Raises:
        InputError: A workload has no price, or one in another currency than its recommendation.
    """
    fresh = recommendations.join(ledger, on="recommendation_id", how="anti").join(
        prices.select("cluster", "workload_id", "core_hour", "gib_hour", price_currency="currency"),
        on=["cluster", "workload_id"],
        how="left",
    )
    unpriced = fresh.filter(pl.col("core_hour").is_null())
    if unpriced.height:
        raise InputError(f"Workload {unpriced['workload_id'][0]} has no price: give one before recording its change.")
    other = fresh.filter(pl.col("currency") != pl.col("price_currency"))
    if other.height:
        row = other.row(0, named=True)
        raise InputError(
            f"Recommendation {row['recommendation_id']} promises a saving in {row['currency']}, and prices of workload "
            f"{row['workload_id']} were in {row['price_currency']} when it was applied: dismiss it and apply a newer "
            f"one, or load the workload's core_hour and gib_hour in {row['currency']}, --since "
            f"{applied_at:%Y-%m-%dT%H:%M:%S}, then record its change."
        )
    entries = fresh.select(
        *("recommendation_id", "cluster", "workload_id", "owner", "core_hour", "gib_hour", "currency"),
        applied_at=pl.lit(applied_at, UTC_TIMESTAMP),
        applied_by=pl.lit(applied_by),
        cpu_cores_before="current_cpu_cores",
        cpu_cores_after="recommended_cpu_cores",
        memory_bytes_before="current_memory_bytes",
        memory_bytes_after="recommended_memory_bytes",
        predicted_monthly_saving="monthly_saving",
        predicted_monthly_saving_lower="monthly_saving_lower",
        predicted_monthly_saving_upper="monthly_saving_upper",
        predicted_risk_cpu="risk_cpu",
        predicted_risk_memory="risk_memory",
    )
    return pl.concat([ledger, entries], how="diagonal").select(LEDGER_SCHEMA.names()).cast(LEDGER_SCHEMA)


def record_rollback(
    ledger: pl.DataFrame, recommendation_id: str, reverted_at: datetime, reverted_by: str, reason: str
) -> pl.DataFrame:
    """Note that a recommendation was taken back; its saving ends then.

    Raises:
        InputError: The ledger does not hold it, it was taken back before, or the time lies before its application.
    """
    entry = ledger.filter(pl.col("recommendation_id") == recommendation_id)
    if entry.is_empty():
        raise InputError(f"Recommendation {recommendation_id} was never recorded as applied: record that first.")
    if entry["reverted_at"][0] is not None:
        raise InputError(f"Recommendation {recommendation_id} was taken back already, at {entry['reverted_at'][0]}.")
    if reverted_at < entry["applied_at"][0]:
        raise InputError(f"Recommendation {recommendation_id} cannot be taken back before it was applied.")
    change = {"reverted_at": reverted_at, "reverted_by": reverted_by, "revert_reason": reason}
    mine = pl.col("recommendation_id") == recommendation_id
    return ledger.with_columns(
        pl.when(mine).then(pl.lit(value, LEDGER_SCHEMA[name])).otherwise(pl.col(name)).alias(name)
        for name, value in change.items()
    )


def realised(ledger: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """Measure what each applied recommendation saved in the hours it was in force.

    An hour on saves the capacity before less the capacity seen in the telemetry, at the prices of the application.
    When the workload's next recommendation is applied, the earlier one keeps the saving of its own step (its capacity
    before less the next one's) and the next one is credited with the rest, so that nothing counts twice: the credits
    add up to first capacity less present capacity. Hours without telemetry count for neither side, hours off cost
    nothing either way.

    Args:
        ledger: Rows in `LEDGER_SCHEMA`.
        history: Hourly roll-up in `ROLLUP_SCHEMA` from the first application on.

    Returns:
        Rows in `REALISED_SCHEMA`, sorted by cluster, workload and time of application.
    """
    sums = [pl.col(name).sum() for name in HOUR_COLUMNS]
    measured = _credited_hours(ledger, history).group_by("recommendation_id").agg(sums)
    joined = _with_successor(ledger).join(measured, on="recommendation_id", how="left")
    ratio = pl.when(pl.col("predicted_saving") != 0).then(pl.col("realised_saving") / pl.col("predicted_saving"))
    filled = joined.with_columns(pl.col(HOUR_COLUMNS).fill_null(0.0), status=_status())
    ordered = filled.with_columns(realisation_ratio=ratio).sort("cluster", "workload_id", "applied_at")
    return ordered.select(REALISED_SCHEMA.names()).cast(REALISED_SCHEMA)


def realised_by_day(ledger: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """Measure the same as `realised`, day by day: rows in `REALISED_DAY_SCHEMA`, by day, cluster and workload."""
    hours = _credited_hours(ledger, history).with_columns(date=pl.col("timestamp").dt.date())
    keys = ["recommendation_id", "cluster", "workload_id", "date", "currency"]
    days = hours.group_by(keys).agg(pl.col("predicted_saving", "realised_saving").sum())
    ordered = days.sort("date", "cluster", "workload_id", "recommendation_id")
    return ordered.select(REALISED_DAY_SCHEMA.names()).cast(REALISED_DAY_SCHEMA)


def _credited_hours(ledger: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """Return the observed hours of each entry while it was in force, with `HOUR_COLUMNS`."""
    on = pl.col("on_count") / pl.col("expected_count")
    latest = (pl.col("timestamp") < pl.col("superseded_at")).fill_null(True)
    seen = history.filter(pl.col("on_count") > 0)
    hours = (
        _with_successor(ledger)
        .join(seen, on=["cluster", "workload_id"], how="inner")
        .filter(
            pl.col("timestamp") >= pl.col("applied_at"),
            (pl.col("timestamp") < pl.col("reverted_at")).fill_null(True),
            *(pl.col(f"{name}_before").is_null() | pl.col(column).is_not_null() for name, column in CAPACITIES.items()),
        )
    )
    return hours.with_columns(
        hours=on,
        predicted_saving=on * pl.col("predicted_monthly_saving") / HOURS_PER_MONTH,
        realised_saving=on * _hourly_saving(latest),
        short_hours_cpu=(_is_short("cpu_usage_cores_max", "cpu_capacity_cores") & latest).cast(pl.Float64),
        short_hours_memory=(_is_short("memory_usage_bytes_max", "memory_capacity_bytes") & latest).cast(pl.Float64),
    )


def _with_successor(ledger: pl.DataFrame) -> pl.DataFrame:
    """Add when the workload's next recommendation was applied, and the capacities it started from."""
    following = {name: pl.col(name).shift(-1).over("cluster", "workload_id") for name in ("applied_at", *_befores())}
    return ledger.sort("cluster", "workload_id", "applied_at").with_columns(
        following["applied_at"].alias("superseded_at"), *(following[name].alias(f"next_{name}") for name in _befores())
    )


def _befores() -> list[str]:
    return [f"{name}_before" for name in CAPACITIES]


def _hourly_saving(latest: pl.Expr) -> pl.Expr:
    """Return what the hour saved: capacity before less the one seen, or less the next step's start."""
    units = {"cpu_cores": pl.col("core_hour"), "memory_bytes": pl.col("gib_hour") / BYTES_PER_GIB}
    steps = [
        (pl.col(f"{name}_before") - pl.when(latest).then(column).otherwise(f"next_{name}_before")) * units[name]
        for name, column in CAPACITIES.items()
    ]
    return pl.sum_horizontal(steps)


def _is_short(usage: str, capacity: str) -> pl.Expr:
    return (pl.col(usage) >= SATURATED * pl.col(capacity)).fill_null(False)


def _status() -> pl.Expr:
    return (
        pl.when(pl.col("reverted_at").is_not_null())
        .then(pl.lit("reverted"))
        .when(pl.col("superseded_at").is_not_null())
        .then(pl.lit("superseded"))
        .otherwise(pl.lit("in_force"))
    )
