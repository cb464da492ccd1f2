"""Reading timestamps: every accepted spelling to the same instant, every mix-up refused."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_optimizer.core.telemetry.timestamps import EARLIEST, LATEST, plan_timestamps, rough_range, unit_hint, unit_of

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def read(values: list[Any], dtype: Any = None) -> tuple[list[datetime | None], list[str], tuple[str, ...]]:
    frame = pl.DataFrame({"t": pl.Series(values, dtype=dtype)})
    plan = plan_timestamps("t", frame.schema["t"], frame["t"].drop_nulls().first())
    assert plan is not None
    faults = [fault.reason for fault in plan.faults if frame.select(fault.bad.fill_null(value=False).any()).item()]
    return [] if faults else frame.select(plan.value).to_series().to_list(), faults, plan.notes


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31 12:00:00.000000+00:00",
        "2026-01-31T13:30:00+01:30",
        "2026-01-31T05:00:00-0700",
        "2026-01-31T12:00+00",
        "2026/01/31 12:00 UTC",
        " 2026-01-31 12:00:00,000 ",
        "1769860800",
        "1769860800000",
        "1769860800.0",
    ],
)
def test_every_spelling_of_an_instant_is_the_same_instant(text: str) -> None:
    assert read([text])[:2] == ([NOON], [])


@pytest.mark.parametrize("per_second", [1, 1_000, 1_000_000, 1_000_000_000])
def test_epoch_numbers_tell_their_own_unit(per_second: int) -> None:
    assert read([1_769_860_800 * per_second, 1_769_860_801 * per_second])[:2] == (
        [NOON, NOON + timedelta(seconds=1)],
        [],
    )


def test_a_date_is_its_midnight() -> None:
    midnight = datetime(2026, 1, 31, tzinfo=UTC)
    assert read(["2026-01-31"])[0] == read([date(2026, 1, 31)])[0] == [midnight]


def test_a_zone_of_its_own_is_converted_and_none_is_taken_as_utc_with_a_note() -> None:
    naive = datetime(2026, 1, 31, 13)  # noqa: DTZ001
    assert read([NOON], pl.Datetime("ms", "Europe/Berlin"))[::2] == ([NOON], ())
    assert read([naive], pl.Datetime("ns"))[::2] == (
        [datetime(2026, 1, 31, 13, tzinfo=UTC)],
        ("t: no time zone, taken as UTC",),
    )
    assert read(["2026-01-31 13:00"])[2] == ("t: no time zone, taken as UTC",)


def test_offsets_may_differ_but_rows_with_and_without_a_zone_do_not_mix() -> None:
    assert read(["2026-01-31T12:00:00Z", "2026-01-31T14:00:00+02:00"])[:2] == ([NOON, NOON], [])
    assert read(["2026-01-31T12:00:00Z", "2026-01-31T12:00:00"])[1] == [
        "mixes time zones: it has none, the rows before it have one"
    ]
    assert read(["2026-01-31T12:00:00", "2026-01-31T12:00:00Z"])[1] == [
        "mixes time zones: it has one, the rows before it have none"
    ]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([1_769_860_800, 1_769_860_800_000], "is in another unit than the rows before it, which are epoch seconds"),
        (["1769860800000", "1769860800"], "is in another unit than the rows before it, which are epoch milliseconds"),
        (["2026-02-30T00:00:00Z"], "is not a timestamp (use ISO 8601 or epoch numbers)"),
        (["2026-01-31T12:00:00Z", "yesterday"], "is not a timestamp (use ISO 8601 or epoch numbers)"),
        (["2026-01-31T25:00:00Z"], "is not a timestamp (use ISO 8601 or epoch numbers)"),
        (["31.01.2026 12:00"], "is not a timestamp (use ISO 8601 or epoch numbers)"),
        (["1769860800", "2026-01-31"], "is not a timestamp (use ISO 8601 or epoch numbers)"),
        ([NOON, None], "is missing"),
        ([12_345], "is not between the years 2000 and 2100"),
        ([datetime(1970, 1, 21, tzinfo=UTC)], "is not between the years 2000 and 2100"),
        (["1899-12-31T00:00:00Z"], "is not between the years 2000 and 2100"),
    ],
)
def test_a_value_that_cannot_be_trusted_is_refused_for_one_reason(values: list[Any], reason: str) -> None:
    assert read(values)[1] == [reason]


def test_an_implausible_time_says_by_how_much_the_unit_is_wrong() -> None:
    # 1,769,860,800 (31 January 2026 in seconds) read as milliseconds is 1,769,860.8 s: 21 January 1970.
    other = "so the numbers are probably in another epoch unit"
    assert unit_hint(1_769_860.8) == f"; times 1000 it is in 2026, {other}"
    assert unit_hint(1_769.8608) == f"; times 1000000 it is in 2026, {other}"
    assert unit_hint(1_769_860_800_000.0) == f"; divided by 1000 it is in 2026, {other}"
    assert unit_hint(-2_208_988_800.0) == ""


def test_a_number_that_overflows_as_microseconds_is_refused_and_does_not_wrap_around() -> None:
    # 2^64 microseconds are 18,446,744,073,709.55 s: 1,769,860,800 s more would come out as 2026 in 64 bits.
    assert read([1_769_860_800, 1_769_860_800 + 18_446_744_073_710])[1] == ["is not between the years 2000 and 2100"]


def test_the_header_of_the_bitbrains_files_is_overruled_by_their_values() -> None:
    plan = plan_timestamps("Timestamp [ms]", pl.String(), "1372629804")
    assert plan is not None
    assert plan.notes == ("Timestamp [ms]: the values are epoch seconds, whatever the header says",)


def test_a_boolean_holds_no_timestamps() -> None:
    assert plan_timestamps("t", pl.Boolean(), first=True) is None


@given(
    st.floats(min_value=EARLIEST.timestamp(), max_value=LATEST.timestamp() - 1),
    st.sampled_from([1, 10**3, 10**6, 10**9]),
)
def test_no_number_belongs_to_two_units(seconds: float, per_second: int) -> None:
    expected = {1: "s", 10**3: "ms", 10**6: "us", 10**9: "ns"}[per_second]
    assert unit_of(seconds * per_second) == expected


@given(
    st.lists(st.integers(0, 4_000_000), min_size=1, max_size=30),
    st.integers(0, 4_000_000),
    st.integers(0, 4_000_000),
    st.sampled_from(
        [pl.Datetime("ms", "UTC"), pl.Datetime("us", "Europe/Berlin"), pl.Datetime("ns"), pl.Int64(), pl.Float64()]
    ),
)
def test_the_rough_range_never_drops_a_row_of_the_range(
    micros: list[int], start_at: int, length: int, dtype: pl.DataType
) -> None:
    start = NOON + timedelta(microseconds=start_at)
    end = start + timedelta(microseconds=length)
    times = pl.Series("t", [NOON + timedelta(microseconds=value) for value in micros], dtype=pl.Datetime("us", "UTC"))
    if isinstance(dtype, pl.Datetime):
        zoned = times.dt.convert_time_zone(dtype.time_zone) if dtype.time_zone else times.dt.replace_time_zone(None)
        stored = zoned.cast(pl.Datetime(dtype.time_unit, dtype.time_zone))
    else:
        stored = (times.dt.timestamp("us") / 1e3).cast(dtype)
    plan = plan_timestamps("t", dtype, stored[0])
    assert plan is not None
    near = rough_range(plan, dtype, start, end)
    assert near is not None
    frame = pl.DataFrame({"t": stored})
    exact = plan.value.is_between(start, end, closed="left")
    assert frame.filter(near).filter(exact).height == frame.filter(exact).height
