"""Tables that people write: typed as the schema says, or one sentence that names the cell."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.table_input import conform

SCHEMA = pl.Schema(
    {"name": pl.String(), "size": pl.Float64(), "weekday": pl.Int8(), "on": pl.Boolean(), "since": UTC_TIMESTAMP}
)


def told(**columns: list[object] | pl.Series) -> pl.DataFrame:
    return conform(pl.DataFrame(columns), SCHEMA, ["name"], "facts.csv")


def test_text_becomes_what_the_schema_says_and_an_empty_cell_is_unknown() -> None:
    typed = told(name=["a", " b "], size=["1.5", ""], weekday=["3", None], on=["Yes", "0"], since=["2025-03-01", ""])
    assert typed.rows() == [
        ("a", 1.5, 3, True, datetime(2025, 3, 1, tzinfo=UTC)),
        ("b", None, None, False, None),
    ]
    assert typed.schema == SCHEMA


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-01T02:00:00Z",
        "2025-03-01T04:00:00+02:00",
        "2025-03-01 02:00:00",
        "2025-03-01T02:00:00",
        "2025-03-01T02:00:00.000",
        "2025-03-01 02:00",
        "2025-03-01T02:00Z",
    ],
)
def test_times_may_have_an_offset_and_are_utc_without_one(text: str) -> None:
    assert told(name=["a"], since=[text])["since"][0] == datetime(2025, 3, 1, 2, tzinfo=UTC)


def test_typed_values_keep_their_meaning_exactly() -> None:
    noon = datetime(2025, 3, 1, 12, tzinfo=ZoneInfo("Asia/Tokyo"))
    typed = conform(
        pl.DataFrame(
            {
                "name": pl.Series([7], dtype=pl.UInt64),
                "size": pl.Series([Decimal("0.123456789012345678")]),
                "weekday": pl.Series([3.0]),
                "on": pl.Series([1]),
                "since": pl.Series([noon]).dt.cast_time_unit("ns"),
            }
        ),
        SCHEMA,
        ["name"],
        "facts.parquet",
    )
    assert typed.rows() == [("7", 0.123456789012345678, 3, True, datetime(2025, 3, 1, 3, tzinfo=UTC))]
    assert typed.schema == SCHEMA
    assert told(name=pl.Series(["a"], dtype=pl.Categorical), size=[None]).rows() == [("a", None)]


@pytest.mark.parametrize(
    ("column", "cell", "sentence"),
    [
        ("weekday", pl.Series([1.5]), "'1.5' is not a whole number"),
        ("weekday", pl.Series([300]), "'300' is not a whole number"),
        ("weekday", pl.Series([Decimal("1.50")]), "'1.50' is not a whole number"),
        ("weekday", pl.Series([True]), "'True' is not a whole number"),
        ("size", pl.Series([2**53 + 1]), "'9007199254740993' has more digits than are kept"),
        ("size", pl.Series([2**63 - 1]), "'9223372036854775807' has more digits than are kept"),
        ("size", pl.Series([False]), "'False' is not a number"),
        ("size", pl.Series([date(2025, 3, 1)]), "'2025-03-01' is not a number"),
        ("on", pl.Series([2]), "'2' is not true or false"),
        ("on", pl.Series([1.0]), "'1.0' is not true or false"),
        ("name", pl.Series([True]), "'True' is not text"),
        ("name", pl.Series([1.0]), "'1.0' is not text"),
        ("name", pl.Series([b"a"]), "\"b'a'\" is not text"),
        ("name", pl.Series([[1]]), "is not text"),
        ("since", pl.Series([1735689600]), "'1735689600' is not a time"),
        ("since", pl.Series([1735689600000000001]).cast(pl.Datetime("ns")), "is finer than a microsecond"),
        ("since", pl.Series([time(12)]), "'12:00:00' is not a time"),
    ],
)
def test_a_typed_value_that_would_change_is_refused(column: str, cell: pl.Series, sentence: str) -> None:
    cells = pl.concat([pl.Series([None], dtype=cell.dtype), cell])
    with pytest.raises(InputError, match=rf"facts.parquet, column {column}, row 2: .*{sentence}\."):
        conform(pl.DataFrame({column: cells}), SCHEMA, [], "facts.parquet", first_row=1)


def test_typed_columns_stay_and_missing_ones_stay_out() -> None:
    assert told(name=["a"], size=[2]).schema == {"name": pl.String, "size": pl.Float64}


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"size": ["1"]}, "facts.csv lacks the column name: it needs name."),
        ({"name": ["a"], "colour": ["red"]}, "facts.csv has the column colour, which means nothing here: use name, "),
        ({"name": ["a", "b"], "size": ["1", "big"]}, r"facts.csv, column size, row 3: 'big' is not a number\."),
        ({"name": ["a"], "size": ["NaN"]}, r"facts.csv, column size, row 2: 'NaN' is not a number\."),
        ({"name": ["a"], "size": ["inf"]}, r"facts.csv, column size, row 2: 'inf' is not a number\."),
        ({"name": ["a\0b"]}, r"facts.csv, column name, row 2: .* is not text\."),
        ({"name": ["a"], "weekday": ["300"]}, r"facts.csv, column weekday, row 2: '300' is not a whole number\."),
        ({"name": ["a"], "on": ["maybe"]}, r"column on, row 2: 'maybe' is not true or false\."),
        ({"name": ["a"], "since": ["soon"]}, r"column since, row 2: 'soon' is not a time\."),
        ({"name": ["a", " "]}, r"facts.csv, column name, row 3: is needed in every row\."),
    ],
)
def test_what_does_not_fit_is_named_by_column_and_row(columns: dict[str, list[object]], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        told(**columns)
