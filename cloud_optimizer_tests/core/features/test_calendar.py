"""Calendar features against hand-computed values."""

import numpy as np
import pytest

from cloud_optimizer.core.features.calendar import CALENDAR, calendar_features


def at(text):
    return {name: float(values[0]) for name, values in calendar_features(np.array([text], "datetime64[us]")).items()}


def test_a_saturday_morning_in_a_leap_year():
    values = at("2024-02-24T06:00")  # the 55th day of the year
    assert set(values) == set(CALENDAR)
    assert values["hour_of_day"] == 6
    assert values["hour_of_day_sin"] == pytest.approx(1)  # 6 / 24 is a quarter turn
    assert values["half_day_cos"] == pytest.approx(-1)  # 6 / 12 is half a turn
    assert values["day_of_week"] == 5
    assert values["hour_of_week_sin"] == pytest.approx(np.sin(2 * np.pi * (5 * 24 + 6) / 168), abs=1e-6)
    assert values["day_of_month"] == 24
    assert values["day_of_month_sin"] == pytest.approx(np.sin(2 * np.pi * 23 / 29), abs=1e-6)  # February has 29 days
    assert values["day_of_year_cos"] == pytest.approx(np.cos(2 * np.pi * 54 / 365.2425), abs=1e-6)
    assert (values["is_weekend"], values["is_business_hour"]) == (1, 0)


@pytest.mark.parametrize(
    ("time", "business"),
    [("2024-02-26T07:55", 0), ("2024-02-26T08:00", 1), ("2024-02-26T17:55", 1), ("2024-02-26T18:00", 0)],
)
def test_business_hours_are_eight_to_eighteen_on_working_days(time, business):
    assert at(time)["is_business_hour"] == business


def test_a_part_of_an_hour_counts_as_its_fraction():
    assert at("2024-02-26T07:45")["hour_of_day"] == 7.75


def test_times_before_1970_have_the_right_weekday():
    assert at("1969-12-31T00:00")["day_of_week"] == 2  # a Wednesday
