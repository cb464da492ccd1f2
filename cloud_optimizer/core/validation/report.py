"""Counts of what validation kept, merged, switched off, missed and rejected."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from cloud_optimizer.core.validation.validator import Validated


@dataclass(frozen=True)
class ValidationReport:
    """What happened to the samples of one range.

    Args:
        received: Samples as they came.
        accepted: Samples that stand behind a grid slot.
        quarantined: Samples rejected; received is always accepted + quarantined.
        reasons: Reason code to number of rejected samples.
        merged: Accepted samples that share their slot with another.
        workloads: Workloads with an accepted sample.
        on_slots: Grid slots in which a workload ran.
        off_slots: Grid slots in which it was switched off; stale values were cleared.
        gap_slots: Grid slots without a sample.
        step: Length of a grid slot.
        regular: False when irregular samples were resampled.
        cadence_note: What was found about the cadence, in words.
    """

    received: int
    accepted: int
    quarantined: int
    reasons: Mapping[str, int]
    merged: int
    workloads: int
    on_slots: int
    off_slots: int
    gap_slots: int
    step: timedelta
    regular: bool
    cadence_note: str


def daily_counts(validated: "Validated") -> pl.DataFrame:
    """Return one row a day: date, accepted and quarantined samples, workloads, on, off and gap slots.

    Quarantined rows without a timestamp have a null date.
    """
    state = pl.col("state")
    clean = validated.clean.group_by(pl.col("timestamp").dt.date().alias("date")).agg(
        pl.col("sample_count").sum().cast(pl.Int64).alias("accepted"),
        pl.col("workload_id").n_unique().cast(pl.Int64).alias("workloads"),
        *[(state == name).sum().cast(pl.Int64).alias(name) for name in ("on", "off", "gap")],
    )
    rejected = validated.quarantined.group_by(pl.col("timestamp").dt.date().alias("date")).agg(
        pl.len().cast(pl.Int64).alias("quarantined")
    )
    joined = clean.join(rejected, on="date", how="full", coalesce=True, nulls_equal=True)
    names = ["date", "accepted", "quarantined", "workloads", "on", "off", "gap"]
    return joined.select(names).with_columns(pl.exclude("date").fill_null(0)).sort("date")
