"""CSV and JSON with all columns of the record."""

import json
from typing import Any, Final

import polars as pl

TIMES: Final = ("created_at", "valid_until", "window_start", "window_end")


def csv_text(recommendations: pl.DataFrame) -> str:
    """Return one line a recommendation with a header; reason codes are joined by `|`, times are ISO 8601 in UTC."""
    flat = recommendations.with_columns(
        pl.col("reason_codes").list.join("|"),
        pl.col(TIMES).dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    return flat.write_csv()


def json_text(recommendations: pl.DataFrame) -> str:
    """Return a JSON list of records as in docs/schemas/recommendation.schema.json; options and schedule are objects."""
    return json.dumps([json_record(row) for row in recommendations.iter_rows(named=True)], indent=2) + "\n"


def json_record(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with JSON values: ISO 8601 times, and the JSON texts of the record as lists."""
    times = {name: f"{record[name]:%Y-%m-%dT%H:%M:%SZ}" for name in TIMES if record[name]}
    texts = {name: json.loads(record[name]) for name in ("options", "replica_schedule") if record[name]}
    day = {"date": record["date"].isoformat()} if record["date"] else {}
    return {**record, **times, **texts, **day}
