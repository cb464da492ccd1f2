"""Losses that are kept, summed up by hand."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from cloud_optimizer.core.evaluation.records import EVALUATION_SCHEMA, summarize_evaluations


def test_a_summary_pools_sums_and_does_not_average_ratios() -> None:
    sums = {"count": [1.0, 3.0], "demand": [1.0, 9.0], "absolute_error": [1.0, 1.0], "quantile_score": [0.5, 0.5]}
    rest = {name: [0.0, 0.0] for name in ("over_forecast", "provision", "shortage")}
    keys = {
        "cluster": ["c", "c"],
        "date": [date(2024, 1, 14)] * 2,
        "model": ["m", "m"],
        "model_version": ["1", "1"],
        "workload_id": ["a", "b"],
        "origin": [datetime(2024, 1, 15, tzinfo=UTC)] * 2,
        "target": ["cpu_mean", "cpu_mean"],
    }
    inside = {"inside_80": [1.0, 2.0], "inside_95": [1.0, 3.0]}
    rows = pl.DataFrame({**keys, **sums, **inside, **rest}).select(EVALUATION_SCHEMA.names()).cast(EVALUATION_SCHEMA)
    (row,) = summarize_evaluations(rows).to_dicts()
    assert row["wape"] == pytest.approx(0.2)  # (1 + 1) / (1 + 9), not the mean of 1 and 1/9
    assert row["wql"] == pytest.approx(0.1)
    assert (row["coverage_80"], row["coverage_95"], row["series"]) == (0.75, 1.0, 2)
