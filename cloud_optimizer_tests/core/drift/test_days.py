"""Each day is judged against the last days its champion learned from, never against itself."""

from datetime import date, timedelta

import polars as pl
import pytest

from cloud_optimizer.core.contracts import ROLLUP_MEASURES, TARGETS
from cloud_optimizer.core.drift import DriftSettings, DriftVerdict
from cloud_optimizer.core.drift.days import drift_frames, judge_days
from cloud_optimizer.core.drift.layout import KEYS, demand_columns
from cloud_optimizer_tests.core.drift.trials import days_of, row_day, stable_hours

CLUSTER = "web-prod"
REFERENCE_DAYS = 28
COLUMNS = [target.column for target in TARGETS]


@pytest.fixture(scope="module")
def hours() -> pl.DataFrame:
    return stable_hours(501, CLUSTER, 50)


def doubled(hours: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Return the hours with twice the demand on some days."""
    factor = pl.when(row_day.is_between(first, last)).then(2.0).otherwise(1.0)
    return hours.with_columns(pl.col(COLUMNS) * factor)


def judged(hours: pl.DataFrame, days: list[date], trained_until: date) -> dict[date, DriftVerdict]:
    frames = {"target": demand_columns(hours)}
    verdicts = judge_days(CLUSTER, days, trained_until, frames, REFERENCE_DAYS, DriftSettings())
    return {verdict.date: verdict for verdict in verdicts}


def test_demand_is_the_target_other_telemetry_the_data_and_no_column_is_lost(hours: pl.DataFrame) -> None:
    predictions = demand_columns(hours)
    frames = drift_frames(hours, predictions)
    assert frames["prediction"] is predictions
    assert frames["target"].columns == [*KEYS, *(target.name for target in TARGETS)]
    assert set(frames["data"].columns) == {*KEYS, *ROLLUP_MEASURES} - set(COLUMNS)


def test_a_shift_that_lasts_stays_drift_until_a_champion_learned_from_it(hours: pl.DataFrame) -> None:
    days = days_of(hours)
    trained_until, later = days[-15], days[-14:]
    shifted = doubled(hours, later[0], later[-1])
    found = judged(shifted, later, trained_until)
    assert list(found) == later
    assert all(verdict.drifted for verdict in found.values())
    calm = judged(hours, later, trained_until)
    assert sum(verdict.drifted for verdict in calm.values()) <= 1


def test_a_day_the_champion_learned_from_is_compared_with_the_days_before_it(hours: pl.DataFrame) -> None:
    days = days_of(hours)
    odd = days[-3]
    found = judged(doubled(hours, odd, days[-1]), [odd], trained_until=days[-1])
    assert found[odd].drifted
    assert "target drifted" in found[odd].reasons[0]


def test_only_the_last_days_of_the_training_window_are_the_reference(hours: pl.DataFrame) -> None:
    days = days_of(hours)
    trained_until, today = days[-2], days[-1]
    first = trained_until - timedelta(days=REFERENCE_DAYS - 1)
    before = doubled(hours, days[0], first - timedelta(days=1))
    assert judged(before, [today], trained_until)[today].rows.equals(judged(hours, [today], trained_until)[today].rows)
    inside = doubled(hours, days[0], first)
    assert not judged(inside, [today], trained_until)[today].rows.equals(
        judged(hours, [today], trained_until)[today].rows
    )


def test_a_day_without_enough_history_is_not_judged_and_says_so(hours: pl.DataFrame) -> None:
    early = days_of(hours)[4]
    decision = judged(hours, [early], trained_until=early)[early].kinds["target"]
    assert not decision.judged
    assert not decision.drifted
    assert "the reference holds 4 days" in decision.reason
