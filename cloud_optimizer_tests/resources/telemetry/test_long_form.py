"""Long-form sets: the labelled series of NAB and of Microsoft, with what validation makes of their dirt, by count."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from cloud_optimizer.core.contracts import DAY, SAMPLE_SCHEMA
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.validation.validator import validate
from cloud_optimizer.resources.telemetry.long_form import read_labels
from cloud_optimizer.resources.telemetry.trace import TraceSource

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_the_cloudwatch_series_are_kept_but_for_summer_time_and_group_sizes(traces: Path) -> None:
    source = TraceSource(traces / "nab_aws_cloudwatch.parquet", cluster="nab")
    extent = source.extent("nab")
    samples = source.read("nab", *extent)
    validated = validate(samples, *extent)
    assert samples.schema == SAMPLE_SCHEMA
    assert samples.height == 89_822
    assert validated.report.accepted == 85_168
    assert dict(validated.report.reasons) == {
        # Twelve rows of three series are stamped 03:00 on 2014-03-09 (summer time); one of each is kept.
        "conflicting_duplicate": 16,
        "exact_duplicate": 17,
        # The size of an auto scaling group says nothing about use: the whole series grok_asg_anomaly.
        "no_usage": 4_621,
    }
    repeated = validated.quarantined.filter(pl.col("reason").str.ends_with("duplicate"))
    assert repeated["timestamp"].unique().to_list() == [datetime(2014, 3, 9, 3, tzinfo=UTC)]


def test_cloudwatch_values_get_their_units(traces: Path) -> None:
    source = TraceSource(traces / "nab_aws_cloudwatch.parquet", cluster="nab")
    samples = source.read("nab", *source.extent("nab"))
    raw = pl.read_parquet(traces / "nab_aws_cloudwatch.parquet")
    cpu, requests = "ec2_cpu_utilization_77c1ca", "elb_request_count_8c0756"
    percent = raw.filter(pl.col("workload_id") == cpu)["value"].cast(pl.Float64)
    counted = raw.filter(pl.col("workload_id") == requests)["value"].cast(pl.Float64)
    machine, balancer = (samples.filter(pl.col("workload_id") == name) for name in (cpu, requests))
    assert machine["cpu_usage_cores"].to_list() == pytest.approx((percent / 100).to_list())
    assert machine["cpu_capacity_cores"].unique().to_list() == [1.0]
    assert balancer["requests_per_second"].to_list() == pytest.approx((counted / 300).to_list())
    assert balancer["cpu_usage_cores"].null_count() == balancer["cpu_capacity_cores"].null_count() == balancer.height


def test_the_microsoft_series_are_kept_but_for_duplicates_nulls_and_impossible_ratios(traces: Path) -> None:
    source = TraceSource(traces / "ms_cloud_monitoring.parquet", cluster="ms")
    extent = source.extent("ms")
    validated = validate(source.read("ms", *extent), *extent)
    assert validated.report.received == 225_445
    assert validated.report.accepted == 224_427
    assert validated.report.merged == 178_560  # samples of every minute on an hourly grid
    assert dict(validated.report.reasons) == {
        "conflicting_duplicate": 1,  # the hour that local time has twice: 2017-11-05 01:00
        "exact_duplicate": 229,
        "error_ratio_out_of_range": 746,  # crash rates above 1, nearly all of app2-03
        "no_usage": 42,  # nulls of the source
    }


def test_labels_are_read_apart_row_by_row(traces: Path) -> None:
    nab = read_labels(traces / "nab_aws_cloudwatch.parquet")
    microsoft = read_labels(traces / "ms_cloud_monitoring.parquet")
    raw = pl.read_parquet(traces / "ms_cloud_monitoring.parquet")
    assert nab.columns == ["workload_id", "timestamp", "anomaly_window", "anomaly_point"]
    assert (nab.height, nab["anomaly_point"].sum()) == (89_822, 36)
    assert microsoft["is_anomaly"].to_list() == raw["is_anomaly"].to_list()


def write(folder: Path, text: str) -> Path:
    path = folder / "series.csv"
    path.write_text(text)
    return path


def test_an_unknown_metric_is_noted_with_its_rows_and_a_unit_tells_series_apart(tmp_path: Path) -> None:
    text = (
        "timestamp,host,metric,unit,value,site\n"
        "2026-01-31T12:00:00Z,a,cpu_utilization,percent,50,x\n"
        "2026-01-31T12:05:00Z,a,cpu_utilization,fraction,0.25,x\n"
        "2026-01-31T12:05:00Z,a,temperature,C,40,x\n"
    )
    source = TraceSource(write(tmp_path, text))
    assert source.read("series", NOON, NOON + DAY)["cpu_usage_cores"].to_list() == [0.5, 0.25]
    assert source.notes("series") == (
        "cpu_utilization in fraction becomes cpu_usage_cores (the machine is taken as one core)",
        "cpu_utilization in percent becomes cpu_usage_cores, times 0.01 (the machine is taken as one core)",
        "temperature in C is not known: its 1 rows are not used",
        "unknown columns, not used: site",
    )


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            "2026-01-31T12:00:00Z,a,temperature,40\n",
            "series.csv, column metric: no metric of it is known (temperature).",
        ),
        ("2026-01-31T12:00:00Z,a,rps,many\n", "series.csv, column value, row 1: 'many' is not a number."),
        ("2026-01-31T12:00:00Z,a,,4\n", "series.csv, column metric, row 1: the value is missing."),
        ("2026-01-31T12:00:00Z,,rps,4\n", "series.csv, column host, row 1: the value is missing."),
    ],
)
def test_an_unusable_file_is_refused_in_one_sentence(tmp_path: Path, rows: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        TraceSource(write(tmp_path, "timestamp,host,metric,value\n" + rows))
    assert str(caught.value) == sentence


def test_a_file_without_labels_has_none_to_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"series\.csv has no label column"):
        read_labels(write(tmp_path, "timestamp,host,metric,value\n2026-01-31,a,rps,1\n"))
