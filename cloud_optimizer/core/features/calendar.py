"""Features of a time stamp alone (UTC), for the row's own interval and for the interval that is forecast."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.panel import FloatArray

CYCLES: Final[dict[str, str]] = {
    "half_day": "12 h",
    "hour_of_day": "24 h",
    "day_of_week": "7 days",
    "hour_of_week": "168 h",
    "day_of_month": "the month",
    "day_of_year": "the year",
}

CALENDAR: Final[dict[str, tuple[str, str]]] = {
    **{
        f"{cycle}_{wave}": ("1", f"{label} of the position of the interval's start in {length}.")
        for cycle, length in CYCLES.items()
        for wave, label in (("sin", "Sine"), ("cos", "Cosine"))
    },
    "hour_of_day": ("hours", "Hour of the day, with its fraction."),
    "day_of_week": ("days", "Day of the week, Monday 0."),
    "day_of_month": ("days", "Day of the month, from 1."),
    "is_weekend": ("1", "1 on Saturday and Sunday, else 0."),
    "is_business_hour": ("1", "1 from Monday to Friday between 08:00 and 18:00, else 0."),
}
"""Name to (unit, description)."""

_DAYS_PER_YEAR: Final = 365.2425  # mean Gregorian year


def calendar_features(times: NDArray[np.datetime64]) -> dict[str, FloatArray]:
    """Return every calendar feature of interval starts, each of shape [T].

    Worked example: 2024-01-06 06:00 is a Saturday; hour_of_day_sin = sin(2 pi 6 / 24) = 1, day_of_week = 5.
    """
    days = times.astype("datetime64[D]")
    hour = (times - days) / np.timedelta64(1, "h")
    weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    month, year = times.astype("datetime64[M]"), times.astype("datetime64[Y]")
    month_day = (days - month.astype("datetime64[D]")).astype(np.int64)
    month_days = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
    year_day = (days - year.astype("datetime64[D]")).astype(np.int64)
    phases = {
        "half_day": hour / 12,
        "hour_of_day": hour / 24,
        "day_of_week": weekday / 7,
        "hour_of_week": (weekday * 24 + hour) / 168,
        "day_of_month": month_day / month_days,
        "day_of_year": year_day / _DAYS_PER_YEAR,
    }
    waves = {
        f"{name}_{wave}": getattr(np, wave)(2 * np.pi * phases[name]) for name in CYCLES for wave in ("sin", "cos")
    }
    values = {
        **waves,
        "hour_of_day": hour,
        "day_of_week": weekday,
        "day_of_month": month_day + 1,
        "is_weekend": weekday >= 5,
        "is_business_hour": (weekday < 5) & (hour >= 8) & (hour < 18),
    }
    return {name: np.asarray(values[name], dtype=np.float32) for name in CALENDAR}
