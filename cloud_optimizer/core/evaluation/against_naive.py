"""How a backtest's models stand against the naive baselines of the same run: ratios below 1 are better."""

import polars as pl

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.evaluation.backtest import BacktestResult
from cloud_optimizer.core.evaluation.baselines import EMPIRICAL, POINT_RULES

SEASONAL = "naive_same_hour_yesterday"
MUCH_WORSE = 1.1


def against_naive(result: BacktestResult) -> pl.DataFrame:
    """Compare every model with the best naive forecast of each target.

    Returns:
        One row a model and target, baselines left out: `best_naive` (by pooled WAPE); ratios of the pooled WAPE, of
        the median WAPE (to the lowest median of a naive), of WQL (to the empirical quantiles) and of MASE (to the
        seasonal naive); `worst_series`, the highest ratio of a workload's WAPE to its own best naive's, and
        `much_worse_series`, the share of workloads where that is above 1.1.

    Raises:
        InputError: The backtest was run without baselines.
    """
    summary = result.summary
    naive = summary.filter(pl.col("model").is_in(list(POINT_RULES)))
    if naive.is_empty():
        raise InputError("The backtest was run without baselines: there is nothing to compare with.")
    best = (
        naive.sort("wape")
        .group_by("target", maintain_order=True)
        .agg(
            pl.col("model").first().alias("best_naive"),
            pl.col("wape").first().alias("naive_wape"),
            pl.col("wape_median").min().alias("naive_wape_median"),
            pl.col("mase").filter(pl.col("model") == SEASONAL).first().alias("naive_mase"),
        )
    )
    empirical = summary.filter(pl.col("model") == EMPIRICAL).select("target", naive_wql="wql")
    models = summary.filter(~pl.col("model").is_in([*POINT_RULES, EMPIRICAL]))
    return (
        models.join(best, on="target", how="left", maintain_order="left")
        .join(empirical, on="target", how="left", maintain_order="left")
        .join(_by_series(result), on=["model", "target"], how="left", maintain_order="left")
        .select(
            "model",
            "target",
            "best_naive",
            wape_ratio=pl.col("wape") / pl.col("naive_wape"),
            wape_median_ratio=pl.col("wape_median") / pl.col("naive_wape_median"),
            wql_ratio=pl.col("wql") / pl.col("naive_wql"),
            mase_ratio=pl.col("mase") / pl.col("naive_mase"),
            worst_series="worst_series",
            much_worse_series="much_worse_series",
        )
    )


def _by_series(result: BacktestResult) -> pl.DataFrame:
    """Worst ratio of a workload's WAPE to its own best naive's, and how many are much worse."""
    workloads = result.per_workload.filter(pl.col("wape").is_not_null())
    keys = ["target", "workload_id"]
    own = (
        workloads.filter(pl.col("model").is_in(list(POINT_RULES))).group_by(keys).agg(pl.col("wape").min().alias("own"))
    )
    ratios = workloads.join(own.filter(pl.col("own") > 0), on=keys).with_columns(ratio=pl.col("wape") / pl.col("own"))
    return ratios.group_by("model", "target").agg(
        pl.col("ratio").max().alias("worst_series"), (pl.col("ratio") > MUCH_WORSE).mean().alias("much_worse_series")
    )
