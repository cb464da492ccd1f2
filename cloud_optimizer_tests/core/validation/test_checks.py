"""Each check fails for its own reason and for no other."""

from datetime import timedelta

import polars as pl
import pytest

from cloud_optimizer.core.contracts import SAMPLE_SCHEMA
from cloud_optimizer.core.validation import Cadence, CheckResult, ValidationSettings, run_checks, validate
from cloud_optimizer_tests.core.validation.telemetry import END, START, STEP, full_day, sample, samples

SETTINGS = ValidationSettings()
GRID = Cadence(STEP, True, "given")


def checks_of(frame: pl.DataFrame, now_hours: float = 48.0) -> dict[str, CheckResult]:
    validated = validate(frame, START, END, SETTINGS, GRID)
    results = run_checks(validated, START, END, SETTINGS, START + timedelta(hours=now_hours))
    return {result.name: result for result in results}


def failed(frame: pl.DataFrame, now_hours: float = 48.0) -> set[str]:
    return {name for name, result in checks_of(frame, now_hours).items() if not result.passed}


def with_nulls(share: float, column: str = "cpu_usage_cores") -> pl.DataFrame:
    """Return a day in which the first `share` of each workload's values of a column is unknown."""
    frame = full_day().with_columns(memory_usage_bytes=1.0, network_receive_bytes_per_second=1.0)
    late = pl.col("timestamp") >= START + share * timedelta(days=1)
    return frame.with_columns(pl.when(late).then(pl.col(column)).alias(column)).select(SAMPLE_SCHEMA.names())


def test_a_healthy_day_passes_every_check() -> None:
    assert failed(full_day()) == set()


def test_an_empty_partition_passes_nothing() -> None:
    results = checks_of(pl.DataFrame(schema=SAMPLE_SCHEMA))
    assert not any(result.passed for result in results.values())


def test_only_completeness_is_a_warning() -> None:
    assert {name for name, result in checks_of(full_day()).items() if not result.blocking} == {"completeness"}


def test_an_outage_warns_and_does_not_block() -> None:
    outage = full_day().filter(~pl.col("timestamp").dt.hour().is_between(8, 12))
    assert failed(outage) == {"completeness"}


@pytest.mark.parametrize(("share", "broken"), [(0.04, set()), (0.06, {"nulls"}), (1.0, {"required_columns"})])
def test_unknown_cpu_usage_blocks_from_five_percent_on(share: float, broken: set[str]) -> None:
    assert failed(with_nulls(share)) == broken


def test_nulls_of_a_reported_measure_count_and_of_an_unreported_one_do_not() -> None:
    result = checks_of(with_nulls(0.5, "memory_usage_bytes"))["nulls"]
    assert not result.passed  # half of one of three reported measures: 16.7 %
    assert result.metadata["worst_column"] == "memory_usage_bytes"
    assert result.metadata["null_share"] == pytest.approx(0.5 / 3)


def test_a_cluster_that_is_switched_off_has_no_nulls_to_count() -> None:
    off = full_day().with_columns(cpu_capacity_cores=0.0)
    assert failed(off) == set()


@pytest.mark.parametrize(("share", "broken"), [(0.04, set()), (0.06, {"ranges", "completeness"})])
def test_many_impossible_values_block(share: float, broken: set[str]) -> None:
    bad = pl.col("timestamp") < START + share * timedelta(days=1)
    frame = full_day().with_columns(pl.when(bad).then(-1.0).otherwise(1.0).alias("cpu_usage_cores"))
    assert failed(frame) == broken


def test_a_feed_that_mostly_repeats_itself_blocks() -> None:
    assert failed(pl.concat([full_day()] * 2)) == set()
    assert failed(pl.concat([full_day()] * 3)) == {"duplicates"}


def test_time_that_leaves_the_grid_or_goes_back_is_seen() -> None:
    validated = validate(full_day(), START, END, SETTINGS, GRID)
    moved = validated.clean.with_columns(pl.col("timestamp").shift(-1).fill_null(START + timedelta(seconds=7)))
    broken = type(validated)(moved, validated.quarantined, validated.report)
    results = {r.name: r for r in run_checks(broken, START, END, SETTINGS, END)}
    assert not results["monotonic_time"].passed
    assert results["monotonic_time"].metadata["off_grid"] == 1


@pytest.mark.parametrize(
    ("last_hour", "now_hours", "fresh"), [(17, 48, False), (19, 48, True), (7, 12, True), (7, 14.5, False)]
)
def test_freshness_is_seen_from_the_end_of_the_partition_or_from_now(
    last_hour: int, now_hours: float, fresh: bool
) -> None:
    frame = full_day().filter(pl.col("timestamp") < START + timedelta(hours=last_hour + 0.9))
    assert checks_of(frame, now_hours)["freshness"].passed is fresh


def test_a_partition_with_only_bad_rows_blocks() -> None:
    bad = samples(*[sample(300 * i, cpu_usage_cores=-1.0) for i in range(288)])
    assert {"row_count", "nulls", "ranges", "freshness"} <= failed(bad)


def test_a_workload_without_requests_owes_no_request_rate_because_its_neighbour_has_one() -> None:
    frame = with_nulls(0.0)
    serving = frame.with_columns(requests_per_second=pl.lit(5.0))
    batch = frame.with_columns(workload_id=pl.lit("batch"), requests_per_second=pl.lit(None, pl.Float64))
    assert checks_of(pl.concat([serving, batch]))["nulls"].passed
