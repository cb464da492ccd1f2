"""Stated risk beside observed shortage."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from cloud_optimizer.core.recommendations.recommend import recommend
from cloud_optimizer.core.recommendations.reliability import reliability, share_above
from cloud_optimizer_tests.core.recommendations.fleet import inputs, rollup


def test_the_share_above_a_size_is_read_from_the_hours_statistics() -> None:
    sizes = pl.DataFrame({"size": [5.0, 3.0, 1.5, 0.5]})
    shares = sizes.select(share_above(pl.col("size"), pl.lit(1.0), pl.lit(2.0), pl.lit(4.0), pl.lit(12))).to_series()
    assert shares.to_list() == pytest.approx([0.0, 1 / 12, 2 / 12, 1.0])


def test_stated_and_observed_shortage_stand_side_by_side_for_the_day_that_was_decided() -> None:
    records = recommend(inputs(rollup("web", np.full(14 * 24, 0.5))))
    day_after = pl.col("timestamp") + timedelta(days=1)
    busier = rollup("web", np.full(24, 0.9)).with_columns(day_after)  # all of it above .66 cores
    table = reliability(records, busier)
    cpu = table.filter(pl.col("resource") == "cpu").row(0, named=True)
    assert cpu["workload_days"] == 1
    assert cpu["observed"] == 1.0
    assert cpu["stated"] == pytest.approx(records["risk_cpu"][0])
    assert reliability(records, busier.with_columns(day_after)).is_empty()


def test_the_statistics_of_an_hour_give_nearly_the_share_that_its_samples_have(traces: object) -> None:
    path = f"{traces}/bitbrains_rnd_dev.parquet"
    window = pl.col("timestamp").is_between(datetime(2013, 8, 5, tzinfo=UTC), datetime(2013, 8, 12, tzinfo=UTC))
    usage = pl.col("cpu_utilization").cast(pl.Float64).alias("usage")
    samples = (
        pl.scan_parquet(path)
        .filter(window, pl.col("cpu_cores") > 0)
        .select("workload_id", "timestamp", usage)
        .collect()
    )
    size = pl.col("usage").quantile(0.97).over("workload_id").alias("size")
    hours = (
        samples.with_columns(size, pl.col("timestamp").dt.truncate("1h"))
        .group_by("workload_id", "timestamp")
        .agg(
            pl.col("size").first(),
            mean=pl.col("usage").mean(),
            p95=pl.col("usage").quantile(0.95, "linear"),
            peak=pl.col("usage").max(),
            count=pl.len(),
            above=(pl.col("usage") > pl.col("size")).sum(),
        )
    )
    read = share_above(*(pl.col(name) for name in ("size", "mean", "p95", "peak", "count")))
    estimated, seen = hours.select((read * pl.col("count")).sum().alias("estimated"), pl.col("above").sum()).row(0)
    assert estimated == pytest.approx(seen, rel=0.2)
