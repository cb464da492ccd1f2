"""Alarms counted beside marked events: what is a hit, what is false, and what merely goes on."""

from datetime import UTC, date, datetime, timedelta

import polars as pl

from benchmarks.bench_drift import Score, hourly_values

FIRST = date(2026, 3, 2)


def days(*numbers: int) -> set[tuple[str, date]]:
    return {("w", FIRST + timedelta(days=number)) for number in numbers}


def test_an_alarm_on_the_day_of_an_event_or_the_next_is_a_hit_and_a_later_one_is_not() -> None:
    score = Score.of(days(*range(30)), days(5, 11, 22), events=days(5, 10, 20))
    # 5 on the day, 10 on the next one, 20 missed: 22 comes too late, so that it is false
    assert (score.events, score.hits, score.alarms, score.false) == (3, 2, 3, 1)


def test_drift_that_lasts_is_one_new_alarm_and_no_false_one_where_it_began_with_an_event() -> None:
    score = Score.of(days(*range(30)), days(5, 6, 7, 8), events=days(5))
    assert (score.alarms, score.new, score.false) == (4, 1, 0)


def test_an_event_that_no_judged_day_could_show_is_left_out() -> None:
    score = Score.of(days(1, 2, 3), set(), events=days(10))
    assert (score.events, score.row("x")[-1]) == (0, "0.00")


def test_an_alarm_of_another_workload_explains_nothing() -> None:
    assert Score.of(days(5), days(5), events={("other", FIRST + timedelta(days=5))}).false == 1


def test_a_series_becomes_one_row_an_hour() -> None:
    times = [datetime(2014, 3, 9, 3, minute, tzinfo=UTC) for minute in (0, 0, 5)]  # NAB has twelve at 03:00 that day
    series = pl.DataFrame({"workload_id": "w", "timestamp": times, "value": [1.0, 2.0, 6.0]})
    assert hourly_values(series)["cpu_mean"].to_list() == [3.0]
