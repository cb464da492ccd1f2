"""Tables that people write: typed as the schema says, or one sentence that names the cell."""

from datetime import UTC, datetime

import polars as pl
import pytest

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.table_input import conform

SCHEMA = pl.Schema(
    {"name": pl.String(), "size": pl.Float64(), "weekday": pl.Int8(), "on": pl.Boolean(), "since": UTC_TIMESTAMP}
)


def told(**columns: list[object]) -> pl.DataFrame:
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
