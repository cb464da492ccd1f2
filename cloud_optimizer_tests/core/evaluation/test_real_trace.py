"""The engine on a real trace gives the naive scores that a study of the same trace found by other code."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from cloud_optimizer.core.contracts import HOUR, UTC_TIMESTAMP
from cloud_optimizer.core.evaluation.backtest import backtest
from cloud_optimizer.core.evaluation.settings import BacktestSettings
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.panel import Panel

FEWEST_SAMPLES = 6  # of an hour's twelve


def _memory_panel(path: Path) -> Panel:
    """Hourly memory of 20 VMs over three months; rows of a switched-off VM say nothing."""
    hours = (
        pl.scan_parquet(path)
        .filter(pl.col("memory_capacity_kb") > 0)
        .group_by("workload_id", pl.col("timestamp").cast(UTC_TIMESTAMP).dt.truncate("1h"))
        .agg((pl.col("memory_usage_kb").mean() * 1024).alias("memory_usage_bytes_mean"), pl.len().alias("samples"))
        .filter(pl.col("samples") >= FEWEST_SAMPLES)
        .collect()
    )
    start, end = datetime(2013, 7, 1, tzinfo=UTC), datetime(2013, 9, 30, tzinfo=UTC)
    return Panel.from_frame(hours, ["memory_usage_bytes_mean"], start, end, HOUR)


def test_naive_scores_of_memory_match_the_study(traces: Path) -> None:
    panel = _memory_panel(traces / "bitbrains_rnd_dev.parquet")
    result = backtest(panel, [], BacktestSettings(forecast=ForecastSettings(targets=("memory_mean",))))
    rows = {row["model"]: row for row in result.summary.to_dicts()}
    # FORECASTING.md: median over series / pooled WAPE of last value .322 / .460, of the past-day mean .357 / .513
    last, mean = rows["naive_last_value"], rows["naive_past_day_mean"]
    assert (last["wape_median"], last["wape"]) == pytest.approx((0.322, 0.460), rel=0.03)
    assert (mean["wape_median"], mean["wape"]) == pytest.approx((0.357, 0.513), rel=0.10)
    assert (last["series"], last["windows"]) == (20, 28)
