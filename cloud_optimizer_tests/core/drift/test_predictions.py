"""What one and the same champion says of many days, each seen from its own midnight."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.drift.layout import KEYS
from cloud_optimizer.core.drift.predictions import predicted_days
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.panel import Panel
from cloud_optimizer_tests.core.evaluation.fakes import START, Repeating, daily_panel

SETTINGS = ForecastSettings(targets=("cpu_mean", "memory_mean"))
DAYS = [date(2024, 1, day) for day in (3, 4)]


@pytest.fixture
def panel() -> Panel:
    """Four days in which the last hour of day d holds d cores and d + 100 bytes."""
    base = daily_panel(4)
    number = np.repeat(np.arange(1, 5, dtype=np.float32), 24)[None, :].repeat(3, axis=0)
    return base.with_columns({"cpu_usage_cores_mean": number, "memory_usage_bytes_mean": number + 100})


def champion(factor: float = 1.0) -> Repeating:
    return Repeating(factor=factor, settings=SETTINGS)


def test_every_day_is_forecast_from_its_midnight_with_one_column_a_target(panel: Panel) -> None:
    champions = {"cpu": (champion(), "1"), "memory": (champion(2.0), "2")}
    frame = predicted_days(champions, panel, DAYS, "web", history=2 * DAY)
    assert frame.columns == [*KEYS, "cpu_mean", "memory_mean"]
    assert frame.height == 3 * len(DAYS) * 24
    by_day = (
        frame.group_by(pl.col("timestamp").dt.date()).agg(pl.col("cpu_mean", "memory_mean").unique()).sort("timestamp")
    )
    assert by_day["timestamp"].to_list() == DAYS
    assert by_day["cpu_mean"].to_list() == [[2.0], [3.0]]  # the last hour of the day before
    assert by_day["memory_mean"].to_list() == [[204.0], [206.0]]  # by the memory champion, which doubles


def test_the_model_is_shown_the_history_before_the_origin_and_nothing_else(panel: Panel) -> None:
    model = champion()
    predicted_days({"cpu": (model, "1")}, panel, DAYS, "web", history=DAY)
    origins = [START + timedelta(days=day.day - 1) for day in DAYS]
    assert model.predictions == [(origin, origin) for origin in origins]


def test_a_day_without_any_past_is_left_out(panel: Panel) -> None:
    frame = predicted_days({"cpu": (champion(), "1")}, panel, [date(2024, 1, 1), DAYS[0]], "web", history=DAY)
    assert frame["timestamp"].dt.date().unique().to_list() == [DAYS[0]]


def test_no_day_gives_an_empty_frame(panel: Panel) -> None:
    assert predicted_days({"cpu": (champion(), "1")}, panel, [], "web", history=DAY).is_empty()
