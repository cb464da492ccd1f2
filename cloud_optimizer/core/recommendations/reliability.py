"""Whether stated risks come true: recommendations of past days beside what happened on the day they were for."""

from typing import Final

import polars as pl

from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.recommendations.demand import HISTORY_COLUMNS, P95_SHARE
from cloud_optimizer.core.recommendations.risk import RISK_WORDS, RiskBands, risk_word

RELIABILITY_SCHEMA: Final = pl.Schema(
    {
        "cluster": pl.String(),
        "resource": pl.String(),
        "risk": pl.String(),  # band of the stated risk
        "workload_days": pl.UInt32(),
        "stated": pl.Float64(),  # mean stated share of the time above the size, weighted by samples
        "observed": pl.Float64(),  # share of the samples of those days above it
        "ratio": pl.Float64(),  # observed / stated: 1 is calibrated
    }
)


def reliability(recommendations: pl.DataFrame, history: pl.DataFrame, bands: RiskBands | None = None) -> pl.DataFrame:
    """Compare stated with observed shortage, by resource and risk band.

    Demand above the recommended size counts whether or not the size was applied. Where it was, usage is cut off by
    it and shortage shows less than it is.

    Args:
        recommendations: Rows in `RECOMMENDATION_SCHEMA` of any number of days.
        history: Roll-up rows of the days after them, in `ROLLUP_SCHEMA`.
        bands: Bounds of the bands.

    Returns:
        Rows in `RELIABILITY_SCHEMA`, by cluster, resource and rising risk; bands without a day are left out.
    """
    judged = recommendations.filter(pl.col("finding").is_in(["InsufficientData", "Inconclusive"]).not_())
    seen = history.filter(pl.col("on_count") > 0).with_columns(date=pl.col("timestamp").dt.date() - DAY)
    parts = []
    for resource, unit in (("cpu", "cores"), ("memory", "bytes")):
        wanted = judged.select(
            "cluster", "workload_id", "date", size=f"recommended_{resource}_{unit}", stated=f"risk_{resource}"
        ).drop_nulls()
        hours = wanted.join(seen, on=["cluster", "workload_id", "date"], how="inner")
        parts.append(_bands(hours, resource, bands or RiskBands()).with_columns(resource=pl.lit(resource)))
    place = pl.col("risk").replace_strict({word: at for at, word in enumerate(RISK_WORDS)}, return_dtype=pl.Int8)
    ordered = pl.concat(parts).sort("cluster", "resource", place)
    return ordered.select(RELIABILITY_SCHEMA.names()).cast(RELIABILITY_SCHEMA)


def _bands(hours: pl.DataFrame, resource: str, bands: RiskBands) -> pl.DataFrame:
    mean, p95, peak, _ = HISTORY_COLUMNS["cpu" if resource == "cpu" else "memory"]
    above = share_above(pl.col("size"), pl.col(mean), pl.coalesce(p95 or peak, peak), pl.col(peak), pl.col("on_count"))
    known = hours.filter(pl.col(peak).is_not_null() & pl.col(mean).is_not_null()).with_columns(above=above)
    weight = pl.col("on_count").sum()
    grouped = known.group_by("cluster", risk_word(pl.col("stated"), bands).alias("risk")).agg(
        workload_days=pl.struct("workload_id", "date").n_unique(),
        stated=(pl.col("stated") * pl.col("on_count")).sum() / weight,
        observed=(pl.col("above") * pl.col("on_count")).sum() / weight,
    )
    return grouped.with_columns(ratio=pl.when(pl.col("stated") > 0).then(pl.col("observed") / pl.col("stated")))


def share_above(size: pl.Expr, mean: pl.Expr, p95: pl.Expr, peak: pl.Expr, samples: pl.Expr) -> pl.Expr:
    """Return about which share of an hour's samples lies above a size, read as in `DemandHistory.samples_behind`.

    12 samples, mean 1, 95th percentile 2, peak 4 stand for one sample of 4, one of 2 and ten of .6: above 3 lies 1/12,
    above 1.5 lie 2/12, above .5 all.
    """
    top = 1.0 / samples
    upper = pl.min_horizontal(pl.max_horizontal(top, pl.lit(P95_SHARE)), 1.0 - top)
    rest = 1.0 - top - upper
    high = pl.min_horizontal(p95, peak)
    low = pl.when(rest > 0).then((mean - top * peak - upper * high) / rest).otherwise(mean)
    parts = ((peak, top), (high, upper), (pl.min_horizontal(low, high), rest))
    return pl.sum_horizontal(pl.when(value > size).then(share).otherwise(0.0) for value, share in parts)
