"""Recorded telemetry: real traces read unchanged, and every unusable file refused in one sentence."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cloud_optimizer.core.contracts import DAY, SAMPLE_SCHEMA
from cloud_optimizer.resources.telemetry.trace import TraceSource
from cloud_optimizer_tests.resources.telemetry.trace_files import HEADER, NOON, csv, everything, refusal


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
