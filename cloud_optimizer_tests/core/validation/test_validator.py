"""Every sample ends in the grid or in the quarantine, with its reason."""

from datetime import UTC, datetime, timedelta
from math import inf, nan
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cloud_optimizer.core.contracts import CLEAN_SCHEMA, MEASURES, SAMPLE_SCHEMA
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.records import QUARANTINE_SCHEMA
from cloud_optimizer.core.validation import Cadence, ValidationSettings, daily_counts, validate
from cloud_optimizer.core.validation.contract import clean_contract
from cloud_optimizer_tests.core.validation.telemetry import END, START, STEP, bitbrains, full_day, sample, samples

GRID = Cadence(STEP, True, "given")


def reasons_of(*rows: dict[str, object]) -> list[str]:
    return validate(samples(*rows), START, END, cadence=GRID).quarantined["reason"].to_list()


@pytest.mark.parametrize(
    ("measures", "reason"),
    [
        ({"cpu_usage_cores": -0.1}, "negative"),
        ({"network_receive_bytes_per_second": -1.0}, "negative"),
        ({"cpu_usage_cores": nan}, "non_finite"),
        ({"memory_usage_bytes": inf}, "non_finite"),
        ({"error_ratio": 1.5}, "error_ratio_out_of_range"),
        ({"cpu_usage_cores": 8.1}, "cpu_above_capacity"),  # 8.1 / 4 = 2.025 > 2
        ({"memory_usage_bytes": 9.0, "memory_capacity_bytes": 4.0}, "memory_above_capacity"),
        ({"memory_usage_bytes": 9.0, "memory_capacity_bytes": 0.0}, "memory_above_capacity"),
        ({"cpu_usage_peak_cores": 0.5}, "peak_below_mean"),
        ({"cpu_usage_cores": None}, "no_usage"),
        ({"cpu_usage_cores": None, "cpu_capacity_cores": None}, "no_usage"),
    ],
)
def test_a_broken_row_is_quarantined_with_one_reason_and_its_values(
    measures: dict[str, float | None], reason: str
) -> None:
    received = samples(sample(0), sample(300, **measures))
    result = validate(received, START, END, cadence=GRID)
    assert result.quarantined["reason"].to_list() == [reason]
    assert result.quarantined["detail"].null_count() == 0
    assert_frame_equal(result.quarantined.select(SAMPLE_SCHEMA.names()), received[1:])
    assert (result.report.received, result.report.accepted, result.report.quarantined) == (2, 1, 1)


@pytest.mark.parametrize(
    "measures",
    [
        {"cpu_usage_cores": 4.3},  # Bitbrains shows up to 107 %
        {"cpu_usage_cores": 0.0},
        {"cpu_capacity_cores": None},
        {"cpu_usage_cores": None, "memory_usage_bytes": 1.0},
        {"cpu_usage_cores": None, "requests_per_second": 0.0},
        {"memory_usage_bytes": 5.0, "memory_capacity_bytes": 4.0},
        {"cpu_usage_peak_cores": 1.0},
        {"error_ratio": 1.0},
        {"cpu_capacity_cores": 0.0, "cpu_usage_cores": 3.0},  # off: a stale value, not an error
        {"cpu_capacity_cores": 0.0, "cpu_usage_cores": None},
    ],
)
def test_what_real_telemetry_shows_is_accepted(measures: dict[str, float | None]) -> None:
    assert reasons_of(sample(0, **measures)) == []


def test_the_detail_names_column_and_value() -> None:
    result = validate(samples(sample(0, cpu_usage_cores=-0.25)), START, END, cadence=GRID)
    assert result.quarantined["detail"].to_list() == ["cpu_usage_cores -0.25 is negative"]


def test_rows_outside_the_partition_or_without_a_key_are_quarantined() -> None:
    rows = [
        sample(-1),
        sample(0),
        sample(86_399),
        sample(86_400),
        sample(5, workload_id=""),
        {**sample(9), "timestamp": None},
    ]
    result = validate(samples(*rows), START, END, cadence=GRID)
    assert result.report.reasons == {"missing_key": 2, "out_of_partition": 2}
    assert result.report.accepted == 2


def test_exact_and_conflicting_duplicates_leave_the_most_telling_row_whatever_the_order() -> None:
    rows = [
        sample(0, cpu_usage_cores=3.0),
        sample(0, cpu_usage_cores=1.0, memory_usage_bytes=5.0),  # knows more: kept
        sample(0, cpu_usage_cores=1.0, memory_usage_bytes=5.0),
        sample(300, cpu_usage_cores=0.0),
        sample(300, cpu_usage_cores=2.0),  # knows as much, uses more: kept
        sample(300, cpu_usage_cores=0.0),
    ]
    forward = validate(samples(*rows), START, END, cadence=GRID)
    backward = validate(samples(*rows[::-1]), START, END, cadence=GRID)
    assert forward.report.reasons == {"exact_duplicate": 2, "conflicting_duplicate": 2}
    assert forward.clean["cpu_usage_cores"][:2].to_list() == [1.0, 2.0]
    assert_frame_equal(forward.clean, backward.clean)
    assert_frame_equal(forward.quarantined, backward.quarantined)


def test_an_invalid_duplicate_does_not_displace_the_valid_row() -> None:
    rows = samples(sample(0), sample(0, cpu_usage_cores=-5.0, memory_usage_bytes=1.0))
    result = validate(rows, START, END, cadence=GRID)
    assert result.report.reasons == {"negative": 1}
    assert result.clean["cpu_usage_cores"][0] == 1.0


def test_samples_seconds_apart_share_a_slot_and_are_averaged_not_quarantined() -> None:
    rows = [sample(3, cpu_usage_cores=1.0), sample(12, cpu_usage_cores=2.0, cpu_capacity_cores=8.0)]
    result = validate(samples(*rows), START, END, cadence=GRID)
    first = result.clean.row(0, named=True)
    assert (first["timestamp"], first["state"], first["sample_count"]) == (START, "on", 2)
    assert (first["cpu_usage_cores"], first["cpu_usage_peak_cores"], first["cpu_capacity_cores"]) == (1.5, 2.0, 8.0)
    assert (result.report.quarantined, result.report.merged) == (0, 2)


def test_a_lone_sample_does_not_invent_a_peak() -> None:
    assert validate(samples(sample(0)), START, END, cadence=GRID).clean["cpu_usage_peak_cores"][0] is None


def test_an_off_machine_keeps_no_stale_value_and_an_on_sample_wins_the_slot() -> None:
    stale = {"cpu_usage_cores": 0.3, "memory_usage_bytes": 9.0, "memory_capacity_bytes": 10.0}
    off = [sample(second, cpu_capacity_cores=0.0, **stale) for second in (0, 300, 310, 600)]
    result = validate(samples(*off, sample(620, memory_capacity_bytes=16.0)), START, END, cadence=GRID)
    clean = result.clean[:3]
    assert clean["state"].to_list() == ["off", "off", "on"]
    assert clean["sample_count"].to_list() == [1, 2, 2]
    assert clean["cpu_capacity_cores"].to_list() == [0.0, 0.0, 4.0]
    assert clean["memory_capacity_bytes"].to_list() == [0.0, 0.0, 16.0]
    assert clean["memory_usage_bytes"].to_list() == [None, None, None]  # the on sample did not know its memory
    assert clean["cpu_usage_cores"].to_list() == [None, None, 1.0]


def test_gaps_are_rows_on_the_days_a_workload_is_present_and_on_no_other() -> None:
    rows = samples(sample(0, "w1"), sample(86_400 + 600, "w1"), sample(86_400, "w2"))
    result = validate(rows, START, START + timedelta(days=3), cadence=GRID)
    assert result.clean.group_by("workload_id").len().sort("workload_id").rows() == [("w1", 576), ("w2", 288)]
    gaps = result.clean.filter(pl.col("state") == "gap")
    assert gaps.height == 576 + 288 - 3
    assert gaps["sample_count"].sum() == 0
    assert gaps.select(pl.all_horizontal(pl.col(MEASURES).is_null()).all()).item()


def test_unknown_capacity_stays_unknown() -> None:
    rows = samples(*[sample(300 * i, cpu_capacity_cores=None) for i in range(3)])
    result = validate(rows, START, END, cadence=GRID)
    assert result.clean["cpu_capacity_cores"].null_count() == 288
    assert result.report.on_slots == 3


def test_no_samples_give_an_empty_result_in_the_schemas() -> None:
    result = validate(pl.DataFrame(schema=SAMPLE_SCHEMA), START, END)
    assert result.clean.schema == CLEAN_SCHEMA
    assert result.quarantined.schema == QUARANTINE_SCHEMA
    assert (result.report.received, result.clean.height, result.quarantined.height) == (0, 0, 0)


def test_samples_of_two_clusters_are_refused() -> None:
    mixed = samples(sample(0), {**sample(0), "cluster": "c2"})
    with pytest.raises(InputError, match="one cluster"):
        validate(mixed, START, END)


def test_the_report_adds_up_per_day() -> None:
    rows = samples(sample(0), sample(0), sample(86_400 * 2, cpu_capacity_cores=0.0))
    counts = daily_counts(validate(rows, START, START + timedelta(days=3), cadence=GRID))
    assert counts.rows() == [
        (START.date(), 1, 1, 1, 1, 0, 287),
        ((START + timedelta(days=2)).date(), 1, 0, 1, 0, 1, 287),
    ]


VALUES = st.sampled_from([None, 0.0, 1.0, 3.0, -1.0, 100.0, nan])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-400, 2000), st.sampled_from(["a", "b"]), VALUES, VALUES, VALUES), max_size=40))
def test_every_sample_is_in_the_grid_or_in_the_quarantine_and_the_contract_holds(
    rows: list[tuple[int, str, float | None, float | None, float | None]],
) -> None:
    received = samples(
        *[
            sample(at, who, cpu_usage_cores=usage, cpu_capacity_cores=capacity, cpu_usage_peak_cores=peak)
            for at, who, usage, capacity, peak in rows
        ]
    )
    result = validate(received, START, END, cadence=GRID)
    assert result.clean["sample_count"].sum() + result.quarantined.height == len(rows)
    if result.clean.height:
        clean_contract().validate(result.clean, lazy=True)


def test_a_slot_with_a_running_and_an_off_sample_runs_and_does_not_take_over_capacity_zero() -> None:
    running = sample(0, "a", cpu_usage_cores=1.0, cpu_capacity_cores=None)
    switched_off = sample(60, "a", cpu_usage_cores=1.0, cpu_capacity_cores=0.0)
    slot = validate(samples(running, switched_off), START, END, cadence=GRID).clean.row(0, named=True)
    assert (slot["state"], slot["sample_count"], slot["cpu_capacity_cores"]) == ("on", 2, None)


def test_bitbrains_is_kept_merged_and_quarantined_in_exact_numbers(traces: Path) -> None:
    start, end = datetime(2013, 6, 30, tzinfo=UTC), datetime(2013, 9, 30, tzinfo=UTC)
    result = validate(bitbrains(traces), start, end)
    report = result.report
    assert report.reasons == {"exact_duplicate": 38_177, "conflicting_duplicate": 14, "memory_above_capacity": 3}
    assert (report.received, report.accepted, report.quarantined) == (580_314, 542_120, 38_194)
    assert report.merged == 73_886  # two samples in one slot: collectors that overlap
    assert (report.on_slots, report.off_slots, report.gap_slots) == (462_674, 42_503, 24_743)
    assert report.step == STEP
    assert result.clean.filter(pl.col("state") == "off")["cpu_usage_cores"].null_count() == report.off_slots
    clean_contract().validate(result.clean, lazy=True)


def test_a_full_day_is_clean() -> None:
    result = validate(full_day(), START, END, ValidationSettings())
    assert (result.report.on_slots, result.report.gap_slots, result.report.quarantined) == (576, 0, 0)
    assert result.report.regular
