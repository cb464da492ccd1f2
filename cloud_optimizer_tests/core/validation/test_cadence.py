"""The grid step is found in the timestamps."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.validation import ValidationSettings, detect_cadence

START = datetime(2026, 3, 2, tzinfo=UTC)


def times(*workloads: list[float]) -> pl.DataFrame:
    rows = [(f"w{i}", START + timedelta(seconds=s)) for i, seconds in enumerate(workloads) for s in seconds]
    return pl.DataFrame(rows, schema={"workload_id": pl.String(), "timestamp": UTC_TIMESTAMP}, orient="row")


def every(seconds: float, count: int = 100) -> list[float]:
    return [seconds * i for i in range(count)]


@pytest.mark.parametrize(
    ("interval", "minutes", "regular"),
    [(60, 1, True), (300, 5, True), (301, 5, True), (3600, 60, True), (12, 1, False), (420, 10, False)],
)
def test_the_grid_is_the_finest_step_that_gets_a_sample_each_time(interval: int, minutes: int, regular: bool) -> None:
    cadence = detect_cadence(times(every(interval)))
    assert (cadence.step, cadence.regular) == (timedelta(minutes=minutes), regular)
    assert ("resampled" in cadence.note) is not regular


def test_jitter_of_seconds_and_missing_samples_stay_regular() -> None:
    jittered = [s + (-1) ** i * 5 for i, s in enumerate(every(300)) if i % 7]
    cadence = detect_cadence(times(jittered))
    assert (cadence.step, cadence.regular) == (timedelta(minutes=5), True)


def test_one_rare_workload_among_many_is_named_and_does_not_coarsen_the_grid() -> None:
    cadence = detect_cadence(times(*[every(300)] * 39, every(3600)))
    assert cadence.step == timedelta(minutes=5)
    assert "1 workloads are sampled more rarely" in cadence.note


def test_a_cluster_of_hourly_workloads_with_few_finer_ones_is_hourly() -> None:
    assert detect_cadence(times(every(60), *[every(3600)] * 9)).step == timedelta(hours=1)


def test_too_few_samples_assume_the_default_and_say_so() -> None:
    cadence = detect_cadence(times([0.0]))
    assert (cadence.step, cadence.regular) == (ValidationSettings().default_step, False)
    assert "assumed" in cadence.note


def test_samples_rarer_than_the_ladder_are_refused_in_one_sentence() -> None:
    with pytest.raises(InputError, match=r"every 2:00:00, the coarsest grid is 1:00:00"):
        detect_cadence(times(every(7200)))


def test_a_ladder_that_does_not_divide_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="divide a day"):
        ValidationSettings(ladder=(timedelta(minutes=7),))


def test_bitbrains_is_a_five_minute_trace_with_overlapping_collectors(traces: Path) -> None:
    cadence = detect_cadence(pl.read_parquet(traces / "bitbrains_rnd_dev.parquet"))
    assert cadence.step == timedelta(minutes=5)
    assert cadence.note.startswith("typical interval 300 s, 87.3% of intervals are whole 5 min steps; resampled")


def test_microsoft_request_rates_are_minute_or_hourly(traces: Path) -> None:
    trace = pl.read_parquet(traces / "ms_cloud_monitoring.parquet")
    steps = {str(detect_cadence(part).step) for part in trace.partition_by("metric")}
    assert steps <= {"0:01:00", "1:00:00"}
    assert len(steps) == 2
