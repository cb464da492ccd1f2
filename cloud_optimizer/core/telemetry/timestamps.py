"""Timestamps of telemetry files: text, epoch numbers or typed columns become UTC, or are refused with a reason.

Text is ISO 8601 (`2026-01-31T12:00:00Z`, `2026-01-31 12:00`, `2026-01-31T13:00+01:00`). Epoch numbers may be in
seconds, milliseconds, microseconds or nanoseconds; the years 2000 to 2100 do not overlap between these units, so a
value tells its own unit and a value outside all of them is a mistake.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import polars as pl

from cloud_optimizer.core.contracts import UTC_TIMESTAMP

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""Epoch units: how many make a second."""
UNIT_WORDS: Final = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}

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
        value: Expression of type UTC_TIMESTAMP; null where the value cannot be read.
        faults: What a row may be refused for.
        notes: What was assumed, in words.
        unit: Epoch unit, for the epoch form.
    """

    column: str
    form: Form
    value: pl.Expr
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]
    unit: str | None = None


def plan_timestamps(column: str, dtype: pl.DataType, first: object) -> TimestampPlan | None:
    """Choose how to read a timestamp column.

    Args:
        column: Its name.
        dtype: Its type.
        first: Its first value that is not null; it decides between the forms, and every row must agree with it.

    Returns:
        The plan, or None where a column of that type cannot hold timestamps.
    """
    if dtype.is_temporal() and dtype.base_type() in {pl.Datetime, pl.Date}:
        return _typed(column, dtype)
    if dtype.is_integer() or dtype.is_float():
        return _epoch(column, pl.col(column), first)
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


def unit_hint(moment: datetime) -> str:
    """Say which mix-up of epoch units explains an implausible time: 1970-01-16 is seconds read as milliseconds."""
    seconds = (moment - EPOCH) / timedelta(seconds=1)
    units = list(PER_SECOND)
    for right in units:
        for read_as in units:
            if right != read_as and unit_of(seconds * PER_SECOND[read_as] / PER_SECOND[right]) == "s":
                return f"; it looks like {UNIT_WORDS[right]} that were read as {UNIT_WORDS[read_as]}"
    return ""


def _typed(column: str, dtype: pl.DataType) -> TimestampPlan:
    zone = dtype.time_zone if isinstance(dtype, pl.Datetime) else None
    value = pl.col(column).cast(pl.Datetime("us", zone))
    value = value.dt.convert_time_zone("UTC") if zone else value.dt.replace_time_zone("UTC")
    notes = () if zone else (f"{column}: no time zone, taken as UTC",)
    return TimestampPlan(column, "typed", value, _common_faults(column, value), notes)


def _epoch(column: str, number: pl.Expr, first: object) -> TimestampPlan:
    unit = unit_of(float(str(first))) or "s"
    per_second = PER_SECOND[unit]
    # Whole microseconds first: a float of nanoseconds would lose them.
    micros = (number * (1_000_000 // per_second)) if per_second <= 1_000_000 else (number // 1000)
    value = micros.cast(pl.Int64, strict=False).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    in_other_unit = pl.any_horizontal(
        number.is_between(EARLIEST.timestamp() * per, LATEST.timestamp() * per, closed="left")
        for other, per in PER_SECOND.items()
        if other != unit
    )
    mixed = Fault(
        column, in_other_unit, f"is in another unit than the rows before it, which are epoch {UNIT_WORDS[unit]}"
    )
    notes = [f"{column.strip()}: epoch {UNIT_WORDS[unit]}"]
    claimed = column.strip().rstrip("])").lower().replace("[", " ").replace("_", " ").split()[-1]
    if claimed in PER_SECOND and claimed != unit:
        notes = [f"{column.strip()}: the values are epoch {UNIT_WORDS[unit]}, whatever the header says"]
    return TimestampPlan(column, "epoch", value, (mixed, *_common_faults(column, value)), tuple(notes), unit)


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
    mixed = Fault(
        column,
        value.is_not_null() & (zone.is_null() if aware else zone.is_not_null()),
        "mixes time zones: it has none, the rows before it have one"
        if aware
        else "mixes time zones: it has one, the rows before it have none",
    )
    notes = () if aware else (f"{column}: no time zone, taken as UTC",)
    return TimestampPlan(column, "text", value, (mixed, *_common_faults(column, value)), notes)


def _common_faults(column: str, value: pl.Expr) -> tuple[Fault, ...]:
    implausible = (value < pl.lit(EARLIEST, UTC_TIMESTAMP)) | (value >= pl.lit(LATEST, UTC_TIMESTAMP))
    return (
        Fault(column, pl.col(column).is_null(), "is missing"),
        Fault(
            column, value.is_null() & pl.col(column).is_not_null(), "is not a timestamp (use ISO 8601 or epoch numbers)"
        ),
        Fault(column, implausible, "is not between the years 2000 and 2100"),
    )


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
