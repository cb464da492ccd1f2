"""Traces with dirt in them: understood where the meaning is clear, else refused in one sentence."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.telemetry.trace import TraceSource
from cloud_optimizer_tests.resources.telemetry.trace_files import HEADER, NOON, csv, everything, refusal


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "usage.csv is empty."),
        (HEADER, "usage.csv has a header but no rows."),
        (
            "when,workload_id,cpu_usage_cores\n2026-01-31,a,1\n",
            (
                "usage.csv has no time column: name one of timestamp, time, datetime, date_time, ts, "
                "timestamp_s, timestamp_ms, unix_time, and others; it has when, workload_id, cpu_usage_cores."
            ),
        ),
        (
            "time,cpu_usage_cores\n2026-01-31,1\n2026-01-31,2\n",
            (
                "usage.csv has no workload column although its timestamps repeat: name one of workload_id, "
                "workload, vm_id, vm, instance_id, instance, machine_id, service, and others."
            ),
        ),
        (
            "time,vm,cpu_usage\n2026-01-31,a,1\n",
            (
                "usage.csv has no usage column that is known (such as cpu_usage_cores, cpu_utilization, "
                "memory_usage_bytes, requests_per_second); it has time, vm, cpu_usage."
            ),
        ),
        (
            HEADER + "2026-01-31T12:00:00Z,a,1,4\n2026-01-31T12:05:00Z,a,lots,4\n",
            "usage.csv, column cpu_usage_cores, row 2: 'lots' is not a number.",
        ),
        (
            HEADER + '2026-01-31T12:00:00Z,a,"0,5",4\n',
            "usage.csv, column cpu_usage_cores, row 1: '0,5' is not a number.",
        ),
        (
            HEADER + "2026-01-31T12:00:00Z,a,1,4\n2026-01-31T12:05:00,a,1,4\n",
            (
                "usage.csv, column timestamp, row 2: '2026-01-31T12:05:00' mixes time zones: it has none, the "
                "rows before it have one."
            ),
        ),
        (
            HEADER + "1769860800,a,1,4\n1769861100,a,1,4\n1769861400000,a,1,4\n",
            (
                "usage.csv, column timestamp, row 3: '1769861400000' is in another unit than the rows before "
                "it, which are epoch seconds."
            ),
        ),
        (
            HEADER + "2026-01-31T12:00:00Z,,1,4\n",
            "usage.csv, column workload_id, row 1: the value is missing.",
        ),
        (
            HEADER + "2026-01-31T12:00:00Z,a,1,4\nsoon,a,1,4\n",
            "usage.csv, column timestamp, row 2: 'soon' is not a timestamp (use ISO 8601 or epoch numbers).",
        ),
        (
            HEADER + "2026-01-31T12:00:00Z,a,1,4\n2026-01-31T12:00:00Z,a,1,4,5,6\n",
            "usage.csv cannot be read as CSV: row 2 has 6 fields, the header has 4.",
        ),
    ],
)
def test_an_unusable_csv_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    assert refusal(csv(tmp_path, text)) == sentence


def test_percent_under_the_name_of_a_fraction_is_refused(tmp_path: Path) -> None:
    text = "time,vm,cpu_utilization,vcpus\n" + "".join(f"{1769860800 + 300 * row},a,{row},4\n" for row in range(10))
    assert refusal(csv(tmp_path, text)) == (
        "usage.csv, column cpu_utilization: 80% of its values are above 1.5, so they are no fractions: name it "
        "cpu_utilization_percent if it is in percent."
    )


def test_a_fraction_that_exceeds_one_now_and_then_is_kept(tmp_path: Path) -> None:
    text = "time,vm,cpu_utilization,vcpus\n1769860800,a,512,4\n1769861100,a,0.5,4\n1769861400,a,1.07,4\n"
    assert everything(TraceSource(csv(tmp_path, text)))["cpu_usage_cores"].to_list() == [2048.0, 2.0, 4.28]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_quoted_fields_and_both_line_endings_are_understood(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "usage.csv"
    rows = ('"timestamp","workload_id","cpu_usage_cores"', '"2026-01-31T12:00:00Z","a, b ""c""","1.5"', "")
    path.write_bytes(ending.join(rows).encode())
    assert everything(TraceSource(path)).select("workload_id", "cpu_usage_cores").rows() == [('a, b "c"', 1.5)]


def test_other_column_types_of_parquet_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "usage.parquet"
    columns = {
        "date_time": pl.Series([NOON.date()], dtype=pl.Date),
        "vm_id": pl.Series(["a"], dtype=pl.Categorical),
        "cpu_usage_cores": pl.Series(["1.50"], dtype=pl.Decimal(10, 2)),
        "cpu_capacity_cores": pl.Series([4], dtype=pl.UInt8),
        "memory_usage_mb": pl.Series(["2"]),
        "replicas": pl.Series([None], dtype=pl.Null),
    }
    pl.DataFrame({name: series.cast(series.dtype) for name, series in columns.items()}).write_parquet(path)
    row = everything(TraceSource(path)).row(0, named=True)
    assert (row["timestamp"], row["workload_id"]) == (NOON.replace(hour=0), "a")
    assert (row["cpu_usage_cores"], row["cpu_capacity_cores"], row["memory_usage_bytes"]) == (1.5, 4.0, 2 * 1024.0**2)
    assert row["replicas"] is None


def test_the_first_row_at_fault_is_named_whatever_the_column(tmp_path: Path) -> None:
    text = HEADER + "2026-01-31T12:00:00Z,a,1,x\nsoon,a,1,4\n,,y,\n"
    assert refusal(csv(tmp_path, text)) == "usage.csv, column cpu_capacity_cores, row 1: 'x' is not a number."


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (
            {"timestamp": [datetime(1970, 1, 21, 11, 37, 40, tzinfo=UTC)]},
            (
                "column timestamp, row 1: '1970-01-21 11:37:40' is not between the years 2000 and 2100; times "
                "1000 it is in 2026, so the numbers are probably in another epoch unit."
            ),
        ),
        ({"timestamp": [True]}, "column timestamp, row 1: Boolean is no type for timestamps."),
        ({"cpu_usage_cores": [[1.0]]}, "column cpu_usage_cores, row 1: List(Float64) where numbers are expected."),
        ({"cpu_usage_cores": [True]}, "column cpu_usage_cores, row 1: Boolean where numbers are expected."),
        ({"workload_id": [None]}, "column workload_id, row 1: the value is missing."),
    ],
)
def test_an_unusable_parquet_is_refused_in_one_sentence(tmp_path: Path, columns: dict[str, Any], sentence: str) -> None:
    path = tmp_path / "usage.parquet"
    pl.DataFrame({"timestamp": [NOON], "workload_id": ["a"], "cpu_usage_cores": [1.0], **columns}).write_parquet(path)
    assert refusal(path) == f"usage.parquet, {sentence}"


def test_nanoseconds_stored_as_milliseconds_are_refused_and_do_not_overflow(tmp_path: Path) -> None:
    path = tmp_path / "usage.parquet"
    stored = pl.Series([NOON], dtype=pl.Datetime("ns", "UTC")).dt.timestamp("ns").cast(pl.Datetime("ms", "UTC"))
    pl.DataFrame({"timestamp": stored, "workload_id": ["a"], "cpu_usage_cores": [1.0]}).write_parquet(path)
    assert "; divided by 1000000 it is in 2026" in refusal(path)


def test_what_is_not_there_or_is_no_telemetry_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone.csv").endswith(
        "gone.csv does not exist: give a Parquet or CSV file, or a folder of them."
    )
    assert refusal(csv(tmp_path, "x", "notes.txt")).startswith("notes.txt is neither Parquet nor CSV by its name")
    (tmp_path / "empty").mkdir()
    assert "holds no telemetry file" in refusal(tmp_path / "empty")
    assert refusal(csv(tmp_path, "not parquet", "usage.parquet")).startswith(
        "usage.parquet cannot be read as Parquet: "
    )


def test_one_bad_file_refuses_the_whole_folder_by_its_place(tmp_path: Path) -> None:
    csv(tmp_path, HEADER + "2026-01-31T12:00:00Z,a,1,4\n", "a.csv")
    csv(tmp_path, HEADER + "2026-01-31T12:00:00Z,a,?,4\n", "b.csv")
    assert refusal(tmp_path) == f"{tmp_path.name}/b.csv, column cpu_usage_cores, row 1: '?' is not a number."


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_bytes(HEADER.encode() + b"2026-01-31T12:00:00Z,\xff\xfe,1,4\n")
    assert refusal(path).startswith("usage.csv cannot be read as CSV: ")


def test_a_file_that_went_away_is_a_refusal_and_not_an_empty_answer(tmp_path: Path) -> None:
    path = csv(tmp_path, HEADER + "2026-01-31T12:00:00Z,a,1,4\n")
    source = TraceSource(path)
    path.unlink()
    with pytest.raises(InputError, match=r"usage\.csv cannot be read as CSV"):
        everything(source)


def test_a_cluster_the_trace_does_not_have_is_refused(tmp_path: Path) -> None:
    source = TraceSource(csv(tmp_path, HEADER + "2026-01-31T12:00:00Z,a,1,4\n"))
    with pytest.raises(InputError, match="no cluster 'x', it has usage"):
        source.read("x", NOON, NOON + DAY)
