"""Recorded telemetry: real traces read unchanged, and every unusable file refused in one sentence."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cloud_optimizer.core.contracts import DAY, SAMPLE_SCHEMA
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.telemetry.base import TelemetrySource
from cloud_optimizer.resources.telemetry.trace import TraceSource

HEADER = "timestamp,workload_id,cpu_usage_cores,cpu_capacity_cores\n"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def csv(folder: Path, text: str, name: str = "usage.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def everything(source: TelemetrySource, cluster: str | None = None) -> pl.DataFrame:
    name = cluster or source.clusters()[0]
    return source.read(name, *source.extent(name))


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        TraceSource(path, **options)
    return str(caught.value)


# Real traces


def test_every_row_of_the_bitbrains_trace_is_read_in_order(traces: Path) -> None:
    source = TraceSource(traces / "bitbrains_rnd_dev.parquet")
    raw = pl.read_parquet(traces / "bitbrains_rnd_dev.parquet")
    frame = everything(source)
    off = frame["cpu_capacity_cores"] == 0
    assert source.clusters() == ("bitbrains_rnd_dev",)
    assert source.extent("bitbrains_rnd_dev") == (datetime(2013, 6, 30, tzinfo=UTC), datetime(2013, 9, 30, tzinfo=UTC))
    assert source.cadence("bitbrains_rnd_dev") == timedelta(minutes=5)
    assert frame.schema == SAMPLE_SCHEMA
    assert frame["workload_id"].to_list() == raw["workload_id"].to_list()
    assert (frame["timestamp"] == raw["timestamp"].cast(pl.Datetime("us", "UTC"))).all()
    # 117,637 of the 580,314 rows are of machines that are off: their usage is unknown, their stale memory is kept.
    assert (frame.height, off.sum()) == (580_314, 117_637)
    assert frame.filter(off)["cpu_usage_cores"].null_count() == 117_637
    assert frame.filter(off)["memory_usage_bytes"].null_count() == 0


def test_the_rows_of_a_day_are_those_of_the_whole_read(traces: Path) -> None:
    source = TraceSource(traces / "bitbrains_rnd_dev.parquet")
    start = datetime(2013, 8, 3, tzinfo=UTC)
    day = source.read("bitbrains_rnd_dev", start, start + DAY)
    whole = everything(source).filter(pl.col("timestamp").is_between(start, start + DAY, closed="left"))
    assert day.height > 5_000
    assert_frame_equal(day, whole, check_exact=True)


def test_the_original_csv_files_give_the_values_of_the_parquet_form(traces: Path) -> None:
    source = TraceSource(traces / "bitbrains_rnd_csv")
    from_csv = everything(source)
    parquet = everything(TraceSource(traces / "bitbrains_rnd_dev.parquet"))
    assert from_csv.height == 79_266 - 9  # lines less headers
    assert source.notes("bitbrains_rnd_csv")[0] == (
        "Timestamp [ms]: the values are epoch seconds, whatever the header says"
    )
    for machine in ("1", "53", "333"):
        left = from_csv.filter(pl.col("workload_id") == f"vm-{machine}").drop("cluster", "workload_id")
        right = parquet.filter(pl.col("workload_id") == f"bitbrains-rnd-vm-{machine:0>3}")
        # The parquet form is in single precision.
        assert_frame_equal(left, right.drop("cluster", "workload_id"), rel_tol=1e-6, abs_tol=1e-4)


def test_the_hourly_trace_carries_its_peaks(traces: Path) -> None:
    source = TraceSource(traces / "bitbrains_rnd_hourly.parquet", cluster="fleet")
    frame = everything(source, "fleet")
    assert source.cadence("fleet") == timedelta(hours=1)
    assert (frame["cpu_usage_peak_cores"] >= frame["cpu_usage_cores"] * 0.999).all()
    assert frame["cpu_usage_peak_cores"].null_count() == frame["cpu_usage_cores"].null_count() == 14_117
    assert "unknown columns, not used: samples" in source.notes("fleet")


def test_a_trace_of_utilization_only_is_read_as_shares_of_one_core(traces: Path) -> None:
    source = TraceSource(traces / "planetlab.parquet")
    start = datetime(2011, 3, 3, tzinfo=UTC)
    frame = source.read("planetlab", start, start + DAY)
    assert frame["cpu_capacity_cores"].unique().to_list() == [1.0]
    assert 0.05 < frame["cpu_usage_cores"].mean() < 0.3
    assert source.notes("planetlab")[0].startswith("no CPU capacity: each workload is taken as one core")
    assert source.read("planetlab", start + 5 * DAY, start + 6 * DAY).schema == SAMPLE_SCHEMA


# Files of one's own


def test_a_tidy_csv_keeps_duplicates_zeros_nonsense_and_order(tmp_path: Path) -> None:
    rows = (
        "2026-01-31T12:05:00Z,b,1.5,4\n2026-01-31T12:00:00Z,a,-3,4\n"
        "2026-01-31T12:00:00Z,a,-3,4\n2026-01-31T12:00:00Z,a,NaN,0\n2026-01-31T12:00:00Z,a,,9e9\n"
    )
    frame = everything(TraceSource(csv(tmp_path, HEADER + rows)))
    assert frame["workload_id"].to_list() == ["b", "a", "a", "a", "a"]
    assert str(frame["cpu_usage_cores"].to_list()) == "[1.5, -3.0, -3.0, nan, None]"
    assert frame["cpu_capacity_cores"].to_list() == [4.0, 4.0, 4.0, 0.0, 9e9]
    assert frame["cluster"].unique().to_list() == ["usage"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_byte_order_marks_and_compression_are_understood(tmp_path: Path, separator: str) -> None:
    text = (HEADER + "2026-01-31T12:00:00Z,a,1,4\n").replace(",", separator)
    path = tmp_path / "usage.csv.gz"
    path.write_bytes(gzip.compress(("\ufeff" + text).encode()))
    frame = everything(TraceSource(path))
    assert frame.select("timestamp", "workload_id", "cpu_usage_cores").row(0) == (NOON, "a", 1.0)


def test_a_cluster_column_splits_and_the_given_name_is_noted_as_unused(tmp_path: Path) -> None:
    text = "time,pod,cluster,cpu_usage_millicores\n1769860800,a,east,500\n1769860800,a,west,250\n"
    source = TraceSource(csv(tmp_path, text), cluster="mine")
    assert source.clusters() == ("east", "west")
    assert everything(source, "west")["cpu_usage_cores"].to_list() == [0.25]
    assert source.notes("west")[-1] == "the name mine is not used: the file has a column for the cluster"


def test_a_folder_is_one_cluster_and_a_file_without_workload_column_is_one_workload(tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    (folder / "deep").mkdir(parents=True)
    csv(folder, "time,cpu_usage_cores\n2026-01-31T12:00:00Z,1\n2026-01-31T12:05:00Z,2\n", "api.csv")
    frame = pl.DataFrame({"ts": [NOON + DAY], "vm": ["db"], "cpu_usage_cores": [3]})
    frame.write_parquet(folder / "deep" / "db.parquet")
    csv(folder, "not telemetry", "README.txt")
    source = TraceSource(folder)
    assert source.clusters() == ("fleet",)
    assert source.extent("fleet") == (NOON.replace(hour=0), NOON.replace(hour=0) + 2 * DAY)
    assert everything(source).select("workload_id", "cpu_usage_cores").rows() == [
        ("api", 1.0),
        ("api", 2.0),
        ("db", 3.0),
    ]


def test_months_of_a_machine_are_read_in_the_order_of_time(tmp_path: Path) -> None:
    text = "Timestamp [ms];\tCPU cores;\tCPU usage [%]\n{};\t2;\t50\n"
    for month, time in (("2013-10", 1380585600), ("2013-9", 1377993600)):
        (tmp_path / month).mkdir()
        csv(tmp_path / month, text.format(time), "7.csv")
    frame = everything(TraceSource(tmp_path))
    assert frame["timestamp"].is_sorted()
    assert frame.select("workload_id", "cpu_usage_cores").unique().rows() == [("vm-7", 1.0)]


def test_hostile_names_pass_unchanged_as_workloads(tmp_path: Path) -> None:
    names = ["'; drop table samples; --", "../../x", "a|b", "x" * 200, "🙂", " padded "]
    path = tmp_path / "usage.parquet"
    pl.DataFrame({"timestamp": [NOON] * len(names), "workload_id": names, "cpu_usage_cores": 1.0}).write_parquet(path)
    assert everything(TraceSource(path))["workload_id"].to_list() == names


@pytest.mark.parametrize("name", ["x" * 201, "a\0b", "a\nb"])
def test_names_that_cannot_be_stored_are_refused_with_their_row(tmp_path: Path, name: str) -> None:
    path = tmp_path / "usage.parquet"
    pl.DataFrame({"timestamp": [NOON, NOON], "workload_id": ["a", name], "cpu_usage_cores": 1.0}).write_parquet(path)
    sentence = refusal(path)
    assert sentence.startswith("usage.parquet, column workload_id, row 2: ")
    assert sentence.endswith("is no usable name: at most 200 characters, no control characters.")


def test_a_file_name_with_glob_characters_is_one_file(tmp_path: Path) -> None:
    csv(tmp_path, HEADER + "2026-01-31T12:00:00Z,other,1,4\n", "usage1.csv")
    path = csv(tmp_path, HEADER + "2026-01-31T12:00:00Z,mine,1,4\n", "usage[1].csv")
    assert everything(TraceSource(path))["workload_id"].to_list() == ["mine"]


# Refusals


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
