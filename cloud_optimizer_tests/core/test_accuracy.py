"""Accuracy of a day agrees with hand-computed numbers, and says how much was compared."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from cloud_optimizer.core.accuracy import forecast_accuracy
from cloud_optimizer.core.contracts import DAY, FORECAST_SCHEMA, HOUR, QUANTILE_LEVELS, ROLLUP_SCHEMA, quantile_column
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.records import ACCURACY_SCHEMA

D = datetime(2026, 3, 2, tzinfo=UTC)
EMPTY_HISTORY = Panel((), D - DAY, HOUR, {"cpu_usage_cores_mean": np.zeros((0, 24), np.float32)})


def actuals(values: dict[str, list[float | None]], start: datetime = D) -> pl.DataFrame:
    rows = [
        {**dict.fromkeys(ROLLUP_SCHEMA), "cluster": "c1", "workload_id": w, "timestamp": start + i * HOUR}
        | {"cpu_usage_cores_mean": value}
        for w, column in values.items()
        for i, value in enumerate(column)
    ]
    return pl.DataFrame(rows, schema=ROLLUP_SCHEMA)


def forecast(
    medians: dict[str, list[float | None]], spread: float = 0.0, origin: datetime = D, model: str = "m"
) -> pl.DataFrame:
    """Return forecasts whose quantile at a level is median + spread * (level - 0.5)."""
    rows = [
        {"cluster": "c1", "workload_id": w, "origin": origin, "target": "cpu_mean", "timestamp": D + i * HOUR}
        | {"model": model, "model_version": "1"}
        | {quantile_column(q): None if value is None else value + spread * (q - 0.5) for q in QUANTILE_LEVELS}
        for w, column in medians.items()
        for i, value in enumerate(column)
    ]
    return pl.DataFrame(rows, schema=FORECAST_SCHEMA)


def test_pooled_errors_by_hand() -> None:
    scored = forecast_accuracy(forecast({"a": [12, 15], "b": [5]}), actuals({"a": [10, 20], "b": [10]}), EMPTY_HISTORY)
    assert scored.schema == ACCURACY_SCHEMA
    row = scored.row(0, named=True)
    assert (row["cluster"], row["date"], row["target"], row["model"]) == ("c1", date(2026, 3, 2), "cpu_mean", "m")
    assert (row["series"], row["observations"]) == (2, 3)
    assert row["wape"] == pytest.approx(12 / 40)  # |10-12| + |20-15| + |10-5| over 10 + 20 + 10
    assert (row["over_forecast_ratio"], row["under_forecast_ratio"]) == pytest.approx((2 / 40, 10 / 40))
    # a point forecast: 2 * mean over levels of (a * 10 below, (1 - a) * 2 above), over 40
    mean_level = sum(QUANTILE_LEVELS) / len(QUANTILE_LEVELS)
    assert row["wql"] == pytest.approx(2 * (mean_level * 10 + (1 - mean_level) * 2) / 40, rel=1e-6)
    assert row["mase"] is None  # no history, no scale


def test_mase_is_the_mean_over_workloads_scaled_by_what_lies_before_the_day() -> None:
    past = np.array([[1, 4, 3, 8], [0, 10, 0, 30]], np.float32)  # season 2: (2 + 4) / 2 = 3 and (0 + 20) / 2 = 10
    day = np.full((2, 4), 1000, np.float32)  # the day itself must not count
    history = Panel(("a", "b"), D - 4 * HOUR, HOUR, {"cpu_usage_cores_mean": np.hstack([past, day])})
    predicted, happened = forecast({"a": [4, 4], "b": [5, 5]}), actuals({"a": [1, 1], "b": [25, 25]})
    row = forecast_accuracy(predicted, happened, history, season=2).row(0, named=True)
    assert row["mase"] == pytest.approx((3 / 3 + 20 / 10) / 2)


def test_coverage_counts_what_lies_inside_the_central_intervals() -> None:
    # quantiles are 10 + 10 * (level - 0.5): the 80 % interval is 6..14, the 95 % interval 5.25..14.75
    row = forecast_accuracy(
        forecast({"a": [10] * 4}, spread=10), actuals({"a": [10, 13.9, 14.5, 20]}), EMPTY_HISTORY
    ).row(0, named=True)
    assert (row["coverage_80"], row["coverage_95"]) == (0.5, 0.75)


def test_unknown_actuals_and_unknown_forecasts_are_left_out_and_counted_out() -> None:
    predicted = forecast({"a": [10, 10, 10], "new": [None, None, None]})
    row = forecast_accuracy(predicted, actuals({"a": [20, None], "new": [7, 7, 7]}), EMPTY_HISTORY).row(0, named=True)
    assert (row["series"], row["observations"], row["wape"]) == (1, 1, 0.5)


def test_a_day_without_actuals_is_unknown_not_perfect() -> None:
    row = forecast_accuracy(forecast({"a": [10]}), actuals({}), EMPTY_HISTORY).row(0, named=True)
    assert (row["series"], row["observations"]) == (0, 0)
    assert [row[name] for name in ("wape", "mase", "wql", "coverage_80")] == [None] * 4


def test_days_and_models_are_scored_apart_and_the_newest_origin_counts() -> None:
    newer = forecast({"a": [10]}, origin=D)
    older = forecast({"a": [99]}, origin=D - 6 * HOUR)
    other = forecast({"a": [5]}, model="n")
    tomorrow = forecast({"a": [20] * 25}, model="o")
    happened = pl.concat([actuals({"a": [10]}), actuals({"a": [10]}, D + timedelta(days=1))])
    scored = forecast_accuracy(pl.concat([newer, older, other, tomorrow]), happened, EMPTY_HISTORY)
    assert scored.select("date", "model", "wape").rows() == [
        (date(2026, 3, 2), "m", 0.0),
        (date(2026, 3, 2), "n", 0.5),
        (date(2026, 3, 2), "o", 1.0),
        (date(2026, 3, 3), "o", 1.0),
    ]


def test_no_forecasts_give_no_rows() -> None:
    assert forecast_accuracy(FORECAST_SCHEMA.to_frame(), actuals({"a": [1]}), EMPTY_HISTORY).is_empty()
