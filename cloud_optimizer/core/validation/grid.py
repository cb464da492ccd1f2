"""The regular grid: accepted samples fall into slots, and what was expected but not received becomes a gap."""

from datetime import datetime, timedelta

import polars as pl

from cloud_optimizer.core.contracts import CLEAN_SCHEMA, MEASURES, STATES, UTC_TIMESTAMP
from cloud_optimizer.core.validation.rules import CAPACITIES, OFF, USAGES


def to_grid(accepted: pl.DataFrame, cluster: str, start: datetime, end: datetime, step: timedelta) -> pl.DataFrame:
    """Return accepted samples in `CLEAN_SCHEMA`, sorted by workload and time.

    A sample belongs to the slot in which it lies. Samples that share a slot are averaged; their peak is the highest
    of peaks and usages, their capacity the latest. A slot is on when any of its samples is. Off slots hold capacity
    0 and no usage. Each UTC day on which a workload sent anything is complete: other slots are gaps.
    """
    slots = _slots(accepted.with_columns(off=OFF, slot=pl.col("timestamp").dt.truncate(step)))
    expected = _expected(slots, start, end, step)
    rows = expected.join(slots, on=["workload_id", "timestamp"], how="left", maintain_order="left")
    state = pl.when(pl.col("sample_count").is_null()).then(pl.lit("gap")).otherwise(pl.col("state"))
    return rows.select(
        pl.lit(cluster).alias("cluster"),
        "workload_id",
        "timestamp",
        state.cast(pl.Enum(STATES)).alias("state"),
        pl.col("sample_count").fill_null(0).cast(pl.UInt32),
        *MEASURES,
    ).cast(CLEAN_SCHEMA)


def _slots(samples: pl.DataFrame) -> pl.DataFrame:
    """One row a slot that holds samples. Most slots hold exactly one, which needs no aggregation."""
    alone = pl.struct("workload_id", "slot").is_unique()
    shared = ~pl.col("off")
    cleared = [pl.when(shared).then(pl.col(name)).alias(name) for name in USAGES]
    # stale values of a machine that is off: it provides nothing, where the measure is known at all
    zeroed = [
        pl.when(shared | pl.col(name).is_null()).then(pl.col(name)).otherwise(0.0).alias(name) for name in CAPACITIES
    ]
    rows = samples.with_columns(*cleared, *zeroed, alone=alone)
    columns = ["workload_id", "slot", "sample_count", "off", *MEASURES]
    single = rows.filter("alone").with_columns(sample_count=pl.lit(1, pl.UInt32)).select(columns)
    merged = _merged(rows.filter(~pl.col("alone"))).select(columns)
    state = pl.when("off").then(pl.lit("off")).otherwise(pl.lit("on")).alias("state")
    return pl.concat([single, merged]).with_columns(state).drop("off").rename({"slot": "timestamp"})


def _merged(rows: pl.DataFrame) -> pl.DataFrame:
    on = ~pl.col("off")
    peak = pl.max_horizontal(pl.col("cpu_usage_peak_cores").max(), pl.col("cpu_usage_cores").max())
    averaged = [name for name in USAGES if name != "cpu_usage_peak_cores"]
    # a slot with a running sample runs: the capacity 0 of an off one beside it is not its capacity
    latest = [
        pl.when(on.any())
        .then(pl.col(name).filter(on & pl.col(name).is_not_null()).last())
        .otherwise(pl.col(name).last())
        .alias(name)
        for name in CAPACITIES
    ]
    return (
        rows.sort("workload_id", "timestamp")
        .group_by("workload_id", "slot", maintain_order=True)
        .agg(
            pl.len().cast(pl.UInt32).alias("sample_count"),
            pl.col("off").all(),
            peak.alias("cpu_usage_peak_cores"),
            pl.col(averaged).mean(),
            *latest,
        )
    )


def _expected(slots: pl.DataFrame, start: datetime, end: datetime, step: timedelta) -> pl.DataFrame:
    """Every slot of every (workload, UTC day) that holds a sample, clipped to [start, end)."""
    day = pl.col("timestamp").dt.truncate("1d")
    days = slots.select("workload_id", day.alias("day")).unique().sort("workload_id", "day")
    offsets = pl.DataFrame({"offset": [i * step for i in range(timedelta(days=1) // step)]})
    offsets = offsets.cast({"offset": pl.Duration("us")})
    inside = pl.col("timestamp").is_between(
        pl.lit(start, UTC_TIMESTAMP).dt.truncate(step), pl.lit(end, UTC_TIMESTAMP), closed="left"
    )
    times = (pl.col("day") + pl.col("offset")).alias("timestamp")
    return days.join(offsets, how="cross", maintain_order="left_right").select("workload_id", times).filter(inside)
