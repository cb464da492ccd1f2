"""Stated risks come true on real telemetry, with the plainest of the forecasts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cloud_optimizer.core.contracts import DAY, HOUR, ROLLUP_SCHEMA
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.families import FORECASTERS
from cloud_optimizer.core.recommendations.inputs import RecommendationInputs
from cloud_optimizer.core.recommendations.recommend import recommend
from cloud_optimizer.core.recommendations.reliability import reliability
from cloud_optimizer.core.rollup import panel_from_rollup

START, FIRST, DAYS = datetime(2013, 7, 1, tzinfo=UTC), datetime(2013, 8, 1, tzinfo=UTC), 58
EVERY = 2
ENOUGH_DAYS = 100


@pytest.fixture(scope="module")
def hours(traces: Path) -> pl.DataFrame:
    """Return the hourly roll-up of the 20 virtual machines of the development trace."""
    cores = pl.col("cpu_cores").cast(pl.Float64)
    usage = (pl.col("cpu_usage_mhz") / pl.col("cpu_capacity_mhz") * cores).cast(pl.Float64)
    memory = pl.col("memory_usage_kb").cast(pl.Float64) * 1024
    on = pl.scan_parquet(traces / "bitbrains_rnd_dev.parquet").filter(pl.col("cpu_capacity_mhz") > 0)
    hourly = (
        on.unique(["workload_id", "timestamp"], keep="last")
        .group_by("workload_id", pl.col("timestamp").dt.truncate("1h").dt.cast_time_unit("us"))
        .agg(
            on_count=pl.len(),
            off_count=pl.lit(0),
            expected_count=pl.lit(12),
            cpu_usage_cores_mean=usage.mean(),
            cpu_usage_cores_max=usage.max(),
            cpu_usage_cores_p95=usage.quantile(0.95, "linear"),
            cpu_capacity_cores=cores.last(),
            memory_usage_bytes_mean=memory.mean(),
            memory_usage_bytes_max=memory.max(),
            memory_capacity_bytes=(pl.col("memory_capacity_kb").cast(pl.Float64) * 1024).last(),
        )
        .collect()
        .with_columns(cluster=pl.lit("rnd"))
    )
    missing = [pl.lit(None, kind).alias(name) for name, kind in ROLLUP_SCHEMA.items() if name not in hourly.columns]
    return (
        hourly.with_columns(missing).select(ROLLUP_SCHEMA.names()).cast(ROLLUP_SCHEMA).sort("workload_id", "timestamp")
    )


def walk_forward(hours: pl.DataFrame) -> pl.DataFrame:
    panel = panel_from_rollup(hours, START, FIRST + DAYS * DAY, HOUR)
    fitted = FORECASTERS["seasonal_naive"]().fit(panel.window(START, FIRST), ForecastSettings())
    records = []
    for day in range(0, DAYS, EVERY):
        origin = FIRST + day * DAY
        ahead = fitted.predict(panel.window(origin - 28 * DAY, origin), origin).to_frame("rnd", "1")
        before = hours.filter(pl.col("timestamp").is_between(origin - 28 * DAY, origin, closed="left"))
        records.append(
            recommend(RecommendationInputs("rnd", (origin - timedelta(days=1)).date(), origin, before, ahead))
        )
    return pl.concat(records)


def test_stated_cpu_shortage_is_the_observed_one_in_every_band_with_enough_days(hours: pl.DataFrame) -> None:
    table = reliability(walk_forward(hours), hours).filter(
        pl.col("resource") == "cpu", pl.col("workload_days") >= ENOUGH_DAYS, pl.col("stated") >= 0.001
    )
    assert table.height >= 1
    for band in table.iter_rows(named=True):
        assert 0.7 <= band["ratio"] <= 1.4, band
