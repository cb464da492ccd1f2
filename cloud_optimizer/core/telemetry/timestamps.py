"""Timestamps of telemetry files: text, epoch numbers or typed columns become UTC, or are refused with a reason.

Text is ISO 8601 (`2026-01-31T12:00:00Z`, `2026-01-31 12:00`, `2026-01-31T13:00+01:00`). Epoch numbers may be in
seconds, milliseconds, microseconds or nanoseconds; the years 2000 to 2100 do not overlap between these units, so a
value tells its own unit and a value outside all of them is a mistake.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

import polars as pl

from cloud_optimizer.core.contracts import UTC_TIMESTAMP

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)

PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""Epoch units: how many make a second."""
UNIT_WORDS: Final = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}

IMPLAUSIBLE: Final = f"is not between the years {EARLIEST.year} and {LATEST.year}"

_ISO = (
    r"^\s*(\d{4})[-/](\d{2})[-/](\d{2})"
    r"(?:[T ]\s*(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|z|UTC|GMT|[+-]\d{2}:?(?:\d{2})?)?\s*$"
)
_NUMBER = r"^\s*[+-]?\d+(?:\.\d+)?\s*$"

Form = Literal["typed", "epoch", "text"]


@dataclass(frozen=True)
class Fault:
    """A reason to refuse a row.

    Args:
        column: Column at fault.
        bad: True for a row at fault.
        reason: What is wrong with the value, the end of a sentence that begins with it.
    """

    column: str
    bad: pl.Expr
    reason: str


@dataclass(frozen=True)
class TimestampPlan:
    """How one column is read as UTC timestamps.

    Args:
        column: The column.
        form: typed (Datetime, Date), epoch (numbers, also as text) or text (ISO 8601).
        value: Expression of type UTC_TIMESTAMP; defined where no fault applies.
        seconds: Expression of the value as seconds since 1970, however far off it is; null where it cannot be read.
        faults: What a row may be refused for.
        notes: What was assumed, in words.
        unit: Epoch unit, for the epoch form.
    """

    column: str
    form: Form
    value: pl.Expr
    seconds: pl.Expr
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]
    unit: str | None = None


def plan_timestamps(column: str, dtype: pl.DataType, first: float | str | None) -> TimestampPlan | None:
    """Choose how to read a timestamp column.

    Args:
        column: Its name.
        dtype: Its type.
        first: Its first number or text that is not null; it decides between the forms and units, and every row must
            agree with it.

    Returns:
        The plan, or None where a column of that type cannot hold timestamps.
    """
    if dtype.is_temporal() and dtype.base_type() in {pl.Datetime, pl.Date}:
        return _typed(column, dtype)
    if dtype.is_integer() or dtype.is_float():
        # 32 bits could not hold the microseconds.
        wide = pl.Int64 if dtype.is_integer() else pl.Float64
        return _epoch(column, pl.col(column).cast(wide, strict=False), first)
    if dtype == pl.String:
        if pl.Series([first], dtype=pl.String).str.contains(_NUMBER).item():
            number = pl.when(pl.col(column).str.contains(_NUMBER)).then(pl.col(column).str.strip_chars())
            return _epoch(column, number.cast(pl.Float64, strict=False), first)
        return _text(column, str(first))
    return None


def unit_of(value: float) -> str | None:
    """Return the epoch unit in which a number lies in the years 2000 to 2100: 1372629804 gives `s`."""
    for unit, per_second in PER_SECOND.items():
        if EARLIEST.timestamp() * per_second <= value < LATEST.timestamp() * per_second:
            return unit
    return None


def unit_hint(seconds: float) -> str:
    """Say so where an implausible time is explained by a mix-up of epoch units.

    Seconds read as milliseconds fall into January 1970: 1,769,860.8 s times 1000 are in 2026.

    Args:
        seconds: The implausible time, seconds since 1970.
    """
    for times in (1_000, 1_000_000, 1_000_000_000):
        for right, words in ((seconds * times, "times"), (seconds / times, "divided by")):
            if unit_of(right) == "s":
                year = datetime.fromtimestamp(right, UTC).year
                return f"; {words} {times} it is in {year}, so the numbers are probably in another epoch unit"
    return ""


def _typed(column: str, dtype: pl.DataType) -> TimestampPlan:
    zone = dtype.time_zone if isinstance(dtype, pl.Datetime) else None
    stored_seconds = 1 / PER_SECOND[dtype.time_unit] if isinstance(dtype, pl.Datetime) else 86_400
    seconds = pl.col(column).to_physical() * stored_seconds
    # Polars stops at a time thousands of years off, so such a one never reaches its calendar.
    value = pl.when(_plausible(seconds)).then(pl.col(column)).cast(pl.Datetime("us", zone))
    value = value.dt.convert_time_zone("UTC") if zone else value.dt.replace_time_zone("UTC")
    notes = () if zone else (f"{column}: no time zone, taken as UTC",)
    return TimestampPlan(column, "typed", value, seconds, _common_faults(column, seconds), notes)


def _epoch(column: str, number: pl.Expr, first: float | str | None) -> TimestampPlan:
    unit = (None if first is None else unit_of(float(first))) or "s"
    per_second = PER_SECOND[unit]
    seconds = number / per_second
    near = pl.when(_plausible(seconds)).then(number)
    # Whole microseconds first: a float of nanoseconds would lose them.
    micros = (near * (1_000_000 // per_second)) if per_second <= 1_000_000 else (near // 1000)
    value = micros.cast(pl.Int64).cast(UTC_TIMESTAMP)
    in_other_unit = pl.any_horizontal(
        _plausible(number / per_second) for other, per_second in PER_SECOND.items() if other != unit
    )
    others = Fault(
        column, in_other_unit, f"is in another unit than the rows before it, which are epoch {UNIT_WORDS[unit]}"
    )
    missing, unreadable, implausible = _common_faults(column, seconds)
    implausible = replace(implausible, bad=implausible.bad & ~in_other_unit)
    note = f"{column.strip()}: epoch {UNIT_WORDS[unit]}"
    if _claimed_unit(column) not in {None, unit}:
        note = f"{column.strip()}: the values are epoch {UNIT_WORDS[unit]}, whatever the header says"
    return TimestampPlan(column, "epoch", value, seconds, (others, missing, unreadable, implausible), (note,), unit)


def _claimed_unit(column: str) -> str | None:
    """Return the unit a header names: `Timestamp [ms]` and `time_ms` give `ms`."""
    last = re.split(r"[^a-z]+", column.lower().strip(" ])"))[-1]
    return last if last in PER_SECOND else None


def _text(column: str, first: str) -> TimestampPlan:
    text = pl.col(column)
    parts = [text.str.extract(_ISO, group) for group in range(1, 9)]
    clock = [pl.coalesce(part, pl.lit("00")) for part in parts[3:6]]
    micros = pl.coalesce(parts[6], pl.lit("0")).str.pad_end(6, "0").str.head(6)
    plain = pl.format("{}-{}-{}T{}:{}:{}.{}", *parts[:3], *clock, micros)
    local = plain.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    zone = parts[7]
    offset = zone.str.replace_all(":", "").str.pad_end(5, "0").cast(pl.Int32, strict=False).fill_null(0)
    minutes = offset.abs() // 100 * 60 + offset.abs() % 100
    value = (local - pl.duration(minutes=offset.sign() * minutes)).dt.replace_time_zone("UTC")
    aware = pl.Series([first]).str.extract(_ISO, 8).item() is not None
    seconds = value.dt.timestamp("us") / 1_000_000
    mixed = Fault(
        column,
        value.is_not_null() & (zone.is_null() if aware else zone.is_not_null()),
        "mixes time zones: it has none, the rows before it have one"
        if aware
        else "mixes time zones: it has one, the rows before it have none",
    )
    notes = () if aware else (f"{column}: no time zone, taken as UTC",)
    return TimestampPlan(column, "text", value, seconds, (mixed, *_common_faults(column, seconds)), notes)


def _common_faults(column: str, seconds: pl.Expr) -> tuple[Fault, Fault, Fault]:
    given = pl.col(column).is_not_null()
    return (
        Fault(column, ~given, "is missing"),
        Fault(column, seconds.is_null() & given, "is not a timestamp (use ISO 8601 or epoch numbers)"),
        Fault(column, ~_plausible(seconds), IMPLAUSIBLE),
    )


def _plausible(seconds: pl.Expr) -> pl.Expr:
    return seconds.is_between(EARLIEST.timestamp(), LATEST.timestamp(), closed="left")


def rough_range(plan: TimestampPlan, dtype: pl.DataType, start: datetime, end: datetime) -> pl.Expr | None:
    """Return a condition on the column as stored that holds for every row of [start, end), and for few others.

    A reader can skip parts of a file by it; it cannot by a condition on computed timestamps. None where the stored
    form has no order.
    """
    column = pl.col(plan.column)
    if plan.form == "typed" and isinstance(dtype, pl.Datetime):
        zone = dtype.time_zone or "UTC"
        low, high = (pl.lit(time.astimezone(UTC)).dt.convert_time_zone(zone) for time in (start, end))
        if dtype.time_zone is None:
            low, high = low.dt.replace_time_zone(None), high.dt.replace_time_zone(None)
        return column.is_between(low.dt.cast_time_unit(dtype.time_unit), high.dt.cast_time_unit(dtype.time_unit))
    if plan.form == "epoch" and plan.unit is not None and dtype.is_numeric():
        per_second = PER_SECOND[plan.unit]
        return column.is_between(int(start.timestamp()) * per_second, (int(end.timestamp()) + 1) * per_second)
    return None
