"""A day's digest says whether its rows are the same."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from cloud_optimizer.core.versions import day_versions

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = [date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)]


def rows() -> pl.DataFrame:
    times = [MONDAY + timedelta(hours=12 * n) for n in range(4)]
    return pl.DataFrame({"workload_id": ["a", "b", "a", "b"], "timestamp": times, "x": [1.0, None, 0.0, 4.0], "y": 0.0})


def test_order_does_not_count_and_every_day_stands_for_itself() -> None:
    versions = day_versions(DAYS, rows())
    assert day_versions(DAYS, rows().reverse()) == versions
    alone = rows().filter(pl.col("timestamp").dt.date() == DAYS[1])
    assert day_versions([DAYS[1]], alone) == {DAYS[1]: versions[DAYS[1]]}
    assert len(set(versions.values())) == 3


def test_a_day_without_rows_has_a_version_of_its_own() -> None:
    versions = day_versions(DAYS, rows())
    assert day_versions([DAYS[2]], rows().clear()) == {DAYS[2]: versions[DAYS[2]]}


@pytest.mark.parametrize(
    "change",
    [
        pl.col("x") + pl.when(pl.int_range(pl.len()) == 0).then(1e-9).otherwise(0),
        pl.col("x").fill_null(0),
        pl.when(pl.int_range(pl.len()) == 0).then(None).otherwise("x").alias("x"),
    ],
)
def test_one_changed_value_changes_its_day_alone(change: pl.Expr) -> None:
    before, after = day_versions(DAYS, rows()), day_versions(DAYS, rows().with_columns(change))
    assert [day for day in DAYS if before[day] != after[day]] == [DAYS[0]]


def test_a_repeated_a_missing_and_a_swapped_value_are_changes() -> None:
    first = [DAYS[0]]
    day = rows().head(2)
    changed = [pl.concat([day, day.head(1)]), day.head(1), day.rename({"x": "y", "y": "x"}).select(day.columns)]
    versions = [day_versions(first, frame)[DAYS[0]] for frame in (day, *changed)]
    assert len(set(versions)) == 4


def test_the_same_rows_in_another_frame_are_a_change() -> None:
    first = [DAYS[0]]
    day, none = rows().head(2), rows().clear()
    assert day_versions(first, day, none) != day_versions(first, none, day)
