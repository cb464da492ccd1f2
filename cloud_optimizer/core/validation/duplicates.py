"""Rows of one workload that carry the same timestamp: one is kept, the others are quarantined.

Two samples a few seconds apart are not duplicates, even in one grid slot: the grid averages them.
"""

import polars as pl

from cloud_optimizer.core.contracts import MEASURES
from cloud_optimizer.core.validation.rules import CONFLICTING_DUPLICATE, EXACT_DUPLICATE


def reject_duplicates(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split rows into (kept, rejected); rejected carries `reason` and `detail`.

    Of rows that conflict the one with the most known measures is kept, then the one with the higher values, column
    by column: a peak must not be lost to a repeated zero. The choice does not depend on the order of arrival, which
    a table does not keep, so a second run decides the same.
    """
    key = ["workload_id", "timestamp"]
    repeated = pl.struct(key).is_duplicated()
    several = rows.filter(repeated)
    if several.is_empty():
        return rows, several.with_columns(reason=pl.lit(None, pl.String), detail=pl.lit(None, pl.String))
    known = pl.sum_horizontal(pl.col(MEASURES).is_not_null())
    ordered = several.sort(*key, known, *MEASURES, descending=[False, False, *[True] * (len(MEASURES) + 1)])
    ordered = ordered.with_columns(
        first=pl.struct(key).is_first_distinct(),
        distinct=pl.struct(*key, *MEASURES).is_first_distinct(),
    )
    exact = ~pl.col("distinct")
    reason = pl.when(exact).then(pl.lit(EXACT_DUPLICATE)).otherwise(pl.lit(CONFLICTING_DUPLICATE))
    words = pl.when(exact).then(pl.lit("repeats")).otherwise(pl.lit("contradicts"))
    rejected = ordered.filter(~pl.col("first")).with_columns(
        reason=reason, detail=pl.format("{} another row of {}", words, pl.col("timestamp").cast(pl.String))
    )
    kept = ordered.filter("first").drop("first", "distinct")
    return pl.concat([rows.filter(~repeated), kept]), rejected.drop("first", "distinct")
