"""The rules a single received row must keep. The first rule a row breaks is its reason.

Rules see one row at a time; duplicates, which need two, are in `duplicates`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from cloud_optimizer.core.contracts import MEASURES, UTC_TIMESTAMP
from cloud_optimizer.core.validation.settings import ValidationSettings

CAPACITIES: Final = ("cpu_capacity_cores", "memory_capacity_bytes", "replicas")
"""Measures that say what is provisioned, not what is used."""

USAGES: Final = tuple(measure for measure in MEASURES if measure not in CAPACITIES)

OFF: Final = pl.col("cpu_capacity_cores").eq(0).fill_null(value=False)
"""The workload is switched off: a state, not an error. Its other values are stale."""

MISSING_KEY: Final = "missing_key"
OUT_OF_PARTITION: Final = "out_of_partition"
NON_FINITE: Final = "non_finite"
NEGATIVE: Final = "negative"
ERROR_RATIO: Final = "error_ratio_out_of_range"
CPU_ABOVE_CAPACITY: Final = "cpu_above_capacity"
MEMORY_ABOVE_CAPACITY: Final = "memory_above_capacity"
PEAK_BELOW_MEAN: Final = "peak_below_mean"
NO_USAGE: Final = "no_usage"
EXACT_DUPLICATE: Final = "exact_duplicate"
CONFLICTING_DUPLICATE: Final = "conflicting_duplicate"

RANGE_REASONS: Final = (NON_FINITE, NEGATIVE, ERROR_RATIO, CPU_ABOVE_CAPACITY, MEMORY_ABOVE_CAPACITY, PEAK_BELOW_MEAN)
DUPLICATE_REASONS: Final = (EXACT_DUPLICATE, CONFLICTING_DUPLICATE)


@dataclass(frozen=True)
class Rule:
    """One way a row can be wrong.

    Args:
        reason: Code kept in the quarantine.
        broken: True for a row that breaks the rule; null counts as kept.
        detail: The column and value, in words.
    """

    reason: str
    broken: pl.Expr
    detail: pl.Expr


def row_rules(start: datetime, end: datetime, settings: ValidationSettings) -> tuple[Rule, ...]:
    """Return the rules for a partition [start, end), in the order in which they are asked.

    A row whose capacity is unknown is kept with a null capacity. A row without CPU usage is kept while it says
    anything else about usage; one that says nothing though the workload is on is `no_usage`.
    """
    time, usage, capacity = pl.col("timestamp"), pl.col("cpu_usage_cores"), pl.col("cpu_capacity_cores")
    inside = time.is_between(pl.lit(start, UTC_TIMESTAMP), pl.lit(end, UTC_TIMESTAMP), closed="left")
    unknown_key = time.is_null() | pl.col("workload_id").fill_null("").eq("")
    outside = pl.format("timestamp {} is outside the partition", time.cast(pl.String))
    memory, memory_capacity = pl.col("memory_usage_bytes"), pl.col("memory_capacity_bytes")
    peak = pl.col("cpu_usage_peak_cores")
    silent = pl.all_horizontal(pl.col(USAGES).is_null())
    cpu_limit, memory_limit = settings.maximum_cpu_utilization, settings.maximum_memory_utilization
    ratio = pl.format("error_ratio {} is outside 0..1", pl.col("error_ratio"))
    return (
        Rule(MISSING_KEY, unknown_key, pl.lit("the workload or the timestamp is unknown")),
        Rule(OUT_OF_PARTITION, ~inside, outside),
        _any_measure(NON_FINITE, [(name, ~pl.col(name).is_finite()) for name in MEASURES], "is not a number"),
        _any_measure(NEGATIVE, [(name, pl.col(name) < 0) for name in MEASURES], "is negative"),
        Rule(ERROR_RATIO, pl.col("error_ratio") > 1, ratio),
        Rule(
            CPU_ABOVE_CAPACITY,
            ~OFF & (usage > cpu_limit * capacity),
            pl.format("cpu_usage_cores {} is above {} x cpu_capacity_cores {}", usage, pl.lit(cpu_limit), capacity),
        ),
        Rule(
            MEMORY_ABOVE_CAPACITY,
            ~OFF & (memory > memory_limit * memory_capacity),
            pl.format(
                "memory_usage_bytes {} is above {} x memory_capacity_bytes {}",
                memory,
                pl.lit(memory_limit),
                memory_capacity,
            ),
        ),
        Rule(
            PEAK_BELOW_MEAN,
            ~OFF & (peak < usage * (1 - settings.peak_tolerance)),
            pl.format("cpu_usage_peak_cores {} is below cpu_usage_cores {}", peak, usage),
        ),
        Rule(NO_USAGE, ~OFF & silent, pl.lit("no usage is known though the workload is on")),
    )


def _any_measure(reason: str, broken: Sequence[tuple[str, pl.Expr]], words: str) -> Rule:
    details = [pl.when(bad).then(pl.format(f"{name} {{}} {words}", pl.col(name))) for name, bad in broken]
    return Rule(reason, pl.any_horizontal([bad for _, bad in broken]), pl.coalesce(details))


def reason_column(rules: Sequence[Rule]) -> pl.Expr:
    """Return the code of the first rule a row breaks, null where it keeps all of them."""
    return pl.coalesce([pl.when(rule.broken).then(pl.lit(rule.reason)) for rule in rules]).alias("reason")


def detail_column(rules: Sequence[Rule]) -> pl.Expr:
    """Return the words that belong to `reason_column`."""
    chosen = [pl.when(pl.col("reason") == rule.reason).then(rule.detail) for rule in rules]
    return pl.coalesce(chosen).alias("detail")
