"""Losses of evaluations as rows that are kept, and their summary.

What a loss is stands in `core.evaluation.scores`; who is evaluated when, in `core.training`.
"""

from datetime import date, datetime
from typing import Final

import polars as pl

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.core.evaluation.backtest import BacktestResult
from cloud_optimizer.core.evaluation.scores import STATISTICS

EVALUATION_SCHEMA: Final = pl.Schema(
    {
        "cluster": pl.String(),
        "date": pl.Date(),  # as-of day of the comparison
        "model": pl.String(),
        "model_version": pl.String(),
        "workload_id": pl.String(),
        "origin": UTC_TIMESTAMP,
        "target": pl.String(),
        **dict.fromkeys(STATISTICS, pl.Float64()),
    }
)
"""Sums of losses of one forecast (workload, origin, target), see core.evaluation.scores.STATISTICS."""


def evaluation_frame(result: BacktestResult, cluster: str, day: date, version: str) -> pl.DataFrame:
    """Return the losses of every scored forecast in `EVALUATION_SCHEMA`."""
    frames = [
        _target_frame(result, model, target).with_columns(
            cluster=pl.lit(cluster), date=pl.lit(day), model=pl.lit(model), model_version=pl.lit(version)
        )
        for model, run in result.runs.items()
        for target in run.scores
    ]
    return pl.concat(frames).select(EVALUATION_SCHEMA.names()).cast(EVALUATION_SCHEMA)


def _target_frame(result: BacktestResult, model: str, target: str) -> pl.DataFrame:
    scores = result.runs[model].scores[target].by_window
    origins: list[datetime] = list(result.plan.origins)
    keys = pl.DataFrame({"workload_id": list(result.workload_ids)}).join(
        pl.DataFrame({"origin": origins}, schema={"origin": UTC_TIMESTAMP}), how="cross"
    )
    sums = {name: values.reshape(-1) for name, values in scores.items()}
    return keys.with_columns(target=pl.lit(target), **{k: pl.Series(v) for k, v in sums.items()}).filter(
        pl.col("count") > 0
    )


def summarize_evaluations(losses: pl.DataFrame) -> pl.DataFrame:
    """Pool losses (`EVALUATION_SCHEMA`) into accuracy: one row a cluster, day, target and model.

    WAPE and WQL are sums of losses over sums of demand; coverage is the share of intervals inside.
    """
    sums = losses.group_by("cluster", "date", "target", "model").agg(
        pl.col("workload_id").n_unique().alias("series"), pl.col(STATISTICS).sum()
    )
    demand, count = pl.col("demand"), pl.col("count")
    return sums.select(
        "cluster",
        "date",
        "target",
        "model",
        "series",
        wape=pl.col("absolute_error") / demand,
        wql=pl.col("quantile_score") / demand,
        coverage_80=pl.col("inside_80") / count,
        coverage_95=pl.col("inside_95") / count,
    ).sort("cluster", "date", "target", "wql")
