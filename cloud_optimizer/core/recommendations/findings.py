"""What is said about a workload in a word (finding) and in codes (reasons), as expressions over the decision table.

The decision table has one row a workload; columns of a resource carry its name as a prefix (`cpu_target`).
"""

from typing import Final

import polars as pl

from cloud_optimizer.core.recommendations.inputs import Trust
from cloud_optimizer.core.recommendations.settings import RecommendationSettings

FINDINGS: Final = ("Underprovisioned", "Overprovisioned", "Optimized", "Idle", "InsufficientData", "Inconclusive")

REASON_CODES: Final = (
    *(
        f"{resource}_{direction}"
        for resource in ("CPU", "MEMORY", "DISK", "NETWORK")
        for direction in ("OVER", "UNDER")
    ),
    "FLOOR_APPLIED",
    "OOM_SEEN",
    "SEASONAL_PEAK",
    "HPA_CONFLICT",
    "DRIFT",
    "STALE_TELEMETRY",
    "LOW_CONFIDENCE",
    "LIMIT_UNSET",
    "MAINTENANCE_WINDOW",
)

BUSY_SHARE: Final = 0.9  # of a disk or network limit: above it the limit is too small
QUIET_SHARE: Final = 0.2  # below it the limit is too large
IDLE_DAYS: Final = 7.0


def insufficient(settings: RecommendationSettings) -> pl.Expr:
    """Return where too few hours were observed to say anything."""
    hours = pl.max_horizontal("cpu_hours", "memory_hours")
    return (hours.fill_null(0.0) < settings.history.minimum_hours) | pl.col("samples").is_null()


def inconclusive(settings: RecommendationSettings, trust: Trust) -> pl.Expr:
    """Return where telemetry ended too early, is too thin, or no present size is known to compare with."""
    return (
        stale(settings, trust)
        | (pl.col("completeness") < settings.history.least_completeness)
        | (pl.col("cpu_current").is_null() & pl.col("memory_current").is_null())
    )


def stale(settings: RecommendationSettings, trust: Trust) -> pl.Expr:
    """Return where the last sample lies too far before the origin."""
    silent = (pl.col("silence_hours") > settings.history.stale_after_hours).fill_null(True)
    return silent | pl.lit(trust.telemetry_stale)


def is_over(resource: str) -> pl.Expr:
    """Return where a resource should shrink, also where the cool-down lets it wait."""
    shrinks = pl.col(f"{resource}_target") < pl.col(f"{resource}_current")
    return (shrinks | pl.col(f"{resource}_waiting")).fill_null(False)


def is_under(resource: str) -> pl.Expr:
    """Return where a resource should grow."""
    return (pl.col(f"{resource}_target") > pl.col(f"{resource}_current")).fill_null(False)


def is_changed() -> pl.Expr:
    """Return where a size changes now."""
    return pl.any_horizontal(
        (pl.col(f"{resource}_target") != pl.col(f"{resource}_current")).fill_null(False)
        for resource in ("cpu", "memory")
    )


def is_resized() -> pl.Expr:
    """Return where the size of one replica changes; a change of their number alone restarts nothing."""
    before, after = pl.col("replicas").fill_null(1.0), pl.coalesce("planned_replicas", "replicas", pl.lit(1.0))
    relative = [
        (pl.col(f"{name}_target") / after / (pl.col(f"{name}_current") / before) - 1.0).abs()
        for name in ("cpu", "memory")
    ]
    return pl.any_horizontal((change > 1e-9).fill_null(False) for change in relative)


def is_idle(settings: RecommendationSettings) -> pl.Expr:
    """Return where a week or more shows next to no CPU use and, where it is known, no traffic."""
    utilization = pl.col("cpu_max") / pl.col("cpu_current")
    quiet = (pl.col("network_mean") <= settings.idle_network_bytes_per_second).fill_null(True)
    return ((utilization <= settings.idle_utilization) & quiet & (pl.col("lookback_days") >= IDLE_DAYS)).fill_null(
        False
    )


def finding(settings: RecommendationSettings, trust: Trust) -> pl.Expr:
    """Return the finding; too small a resource outweighs too large a one, because it hurts."""
    return (
        pl.when(insufficient(settings))
        .then(pl.lit("InsufficientData"))
        .when(inconclusive(settings, trust))
        .then(pl.lit("Inconclusive"))
        .when(is_under("cpu") | is_under("memory"))
        .then(pl.lit("Underprovisioned"))
        .when(is_idle(settings))
        .then(pl.lit("Idle"))
        .when(is_over("cpu") | is_over("memory"))
        .then(pl.lit("Overprovisioned"))
        .otherwise(pl.lit("Optimized"))
    )


def reason_codes(settings: RecommendationSettings, trust: Trust) -> pl.Expr:
    """Return the list of reason codes that hold, in the order of `REASON_CODES`."""
    holds = {**_resource_codes(), **_trust_codes(settings, trust), **_context_codes(settings)}
    codes = [pl.when(holds[code].fill_null(False)).then(pl.lit(code)) for code in REASON_CODES]
    return pl.concat_list(codes).list.drop_nulls()


def _resource_codes() -> dict[str, pl.Expr]:
    sized = {
        f"{resource.upper()}_{direction}": test(resource)
        for resource in ("cpu", "memory")
        for direction, test in (("OVER", is_over), ("UNDER", is_under))
    }
    for kind in ("disk", "network"):
        share = pl.col(f"{kind}_peak") / pl.col(f"{kind}_limit_bytes_per_second")
        sized |= {f"{kind.upper()}_OVER": share < QUIET_SHARE, f"{kind.upper()}_UNDER": share > BUSY_SHARE}
    return sized


def _trust_codes(settings: RecommendationSettings, trust: Trust) -> dict[str, pl.Expr]:
    history = settings.history
    return {
        "DRIFT": pl.lit(trust.drift_failed),
        "STALE_TELEMETRY": stale(settings, trust),
        "LOW_CONFIDENCE": (pl.col("cpu_fallback") & pl.col("cpu_hours").gt(0))
        | (pl.col("memory_fallback") & pl.col("memory_hours").gt(0))
        | (pl.col("completeness") < history.confident_completeness)
        | (pl.col("lookback_days") < history.confident_days),
    }


def _context_codes(settings: RecommendationSettings) -> dict[str, pl.Expr]:
    unset = [
        pl.col(f"{resource}_current").is_null() & pl.col(f"{resource}_max").is_not_null()
        for resource in ("cpu", "memory")
    ]
    return {
        "FLOOR_APPLIED": pl.col("cpu_floored") | pl.col("memory_floored"),
        "OOM_SEEN": pl.col("oom_memory_bytes").is_not_null(),
        "SEASONAL_PEAK": pl.max_horizontal("cpu_seasonal", "memory_seasonal") >= settings.seasonal_ratio,
        "HPA_CONFLICT": pl.col("hpa_target_utilization").is_not_null() & is_changed(),
        "LIMIT_UNSET": pl.any_horizontal(unset),
        "MAINTENANCE_WINDOW": pl.col("maintenance_start_hour").is_not_null() & is_changed(),
    }
