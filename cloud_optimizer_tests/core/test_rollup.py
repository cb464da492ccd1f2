"""Roll-ups agree with hand-computed numbers; unknown stays unknown."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import stdev

import numpy as np
import polars as pl
import pytest

from cloud_optimizer.core.contracts import CLEAN_SCHEMA, HOUR, MEASURES, ROLLUP_MEASURES, ROLLUP_SCHEMA
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.rollup import PANEL_COLUMNS, panel_from_rollup, roll_up
from cloud_optimizer.core.validation import validate
from cloud_optimizer_tests.core.validation.telemetry import bitbrains

START = datetime(2026, 3, 2, tzinfo=UTC)
SLOT = timedelta(minutes=5)


def clean(states: str, workload_id: str = "w1", **measures: list[float | None]) -> pl.DataFrame:
    """Return one slot a letter: o on, x off, . gap. Usage lists run over the on slots, 4 cores by default."""
    rows = []
    values = {name: iter(column) for name, column in measures.items()}
    for i, letter in enumerate(states):
        row: dict[str, object] = {"cluster": "c1", "workload_id": workload_id, "timestamp": START + i * SLOT}
        row |= dict.fromkeys(MEASURES)
        row |= {"state": {"o": "on", "x": "off", ".": "gap"}[letter], "sample_count": int(letter != ".")}
        if letter == "o":
            row |= {"cpu_usage_cores": 1.0, "cpu_capacity_cores": 4.0}
            row |= {name: next(column) for name, column in values.items()}
        if letter == "x":
            row |= {"cpu_capacity_cores": 0.0}
        rows.append(row)
    return pl.DataFrame(rows, schema=CLEAN_SCHEMA)


def hour(frame: pl.DataFrame) -> dict[str, object]:
    return roll_up(frame, HOUR, SLOT).row(0, named=True)


def test_an_hour_sums_up_by_hand() -> None:
    usage = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]
    row = hour(clean("o" * 12, cpu_usage_cores=usage, requests_per_second=[2.0] * 6 + [4.0] * 6))
    assert row["cpu_usage_cores_mean"] == 6.5
    assert row["cpu_usage_cores_max"] == 12.0
    assert row["cpu_usage_cores_p95"] == pytest.approx(11.45)  # position 0.95 * 11 = 10.45
    assert row["cpu_usage_cores_std"] == pytest.approx(stdev(usage))
    assert (row["requests_per_second_mean"], row["requests_per_second_max"]) == (3.0, 4.0)
    assert (row["on_count"], row["off_count"], row["expected_count"]) == (12, 0, 12)
    assert row["memory_usage_bytes_mean"] is None


def test_the_maximum_is_the_source_peak_where_it_knows_one() -> None:
    assert hour(clean("oo" * 6, cpu_usage_peak_cores=[None, 3.5] * 6))["cpu_usage_cores_max"] == 3.5


@pytest.mark.parametrize(
    ("states", "mean"), [("o" * 6 + "." * 6, 1.0), ("o" * 5 + "." * 7, None), ("o" * 5 + "x" * 7, None)]
)
def test_half_of_the_slots_must_be_on_for_usage_to_be_known(states: str, mean: float | None) -> None:
    assert hour(clean(states))["cpu_usage_cores_mean"] == mean


def test_a_measure_known_in_under_half_of_the_slots_is_unknown_though_others_are_known() -> None:
    row = hour(clean("o" * 12, memory_usage_bytes=[1.0] * 5 + [None] * 7))
    assert (row["memory_usage_bytes_mean"], row["memory_usage_bytes_max"]) == (None, None)
    assert row["cpu_usage_cores_mean"] == 1.0


@pytest.mark.parametrize(
    ("states", "capacities", "capacity"),
    [
        ("oooooooooooo", [2.0] * 6 + [8.0] * 5 + [None], 8.0),
        ("oooxxxxxxxxx", [4.0] * 3, 4.0),
        ("xxxxxxxxxx..", [], 0.0),
        ("............", [], None),
        ("oo..........", [None, None], None),
        ("oxxxxxxxxxxx", [None], None),
    ],
)
def test_capacity_is_the_last_known_while_on_and_zero_when_only_seen_off(
    states: str, capacities: list[float | None], capacity: float | None
) -> None:
    assert hour(clean(states, cpu_capacity_cores=capacities))["cpu_capacity_cores"] == capacity


def test_a_five_minute_roll_up_of_a_five_minute_grid_keeps_every_slot() -> None:
    frame = clean("oox.", cpu_usage_cores=[1.0, 2.0], cpu_usage_peak_cores=[None, 2.5])
    rolled = roll_up(frame, SLOT, SLOT)
    assert rolled.schema == ROLLUP_SCHEMA
    assert rolled["cpu_usage_cores_mean"].to_list() == [1.0, 2.0, None, None]
    assert rolled["cpu_usage_cores_max"].to_list() == [1.0, 2.5, None, None]
    assert rolled["cpu_capacity_cores"].to_list() == [4.0, 4.0, 0.0, None]
    assert rolled["cpu_usage_cores_std"].null_count() == 4  # one slot has no spread
    assert rolled.select("on_count", "off_count", "expected_count").rows() == [
        (1, 0, 1),
        (1, 0, 1),
        (0, 1, 1),
        (0, 0, 1),
    ]


def test_single_slots_agree_with_the_general_way_on_everything_but_the_spread() -> None:
    frame = clean("oox.oo", memory_usage_bytes=[1.0, None, 3.0, 4.0], replicas=[1.0, 2.0, 2.0, None])
    fast = roll_up(frame, SLOT, SLOT)
    spread = frame.with_columns(timestamp=START + (pl.col("timestamp") - START) * 2)
    general = roll_up(spread, 2 * SLOT, SLOT)  # one of two slots holds a row: exactly the half that is needed
    columns = list(ROLLUP_MEASURES)
    assert fast.select(columns).rows() == general.select(columns).rows()


def test_a_step_that_slots_do_not_fill_is_refused() -> None:
    with pytest.raises(InputError, match="multiple"):
        roll_up(clean("o"), timedelta(minutes=7), SLOT)


def test_the_panel_holds_measures_and_fractions_and_zero_fractions_where_there_is_no_row() -> None:
    frame = pl.concat([clean("o" * 8 + "xx.."), clean("x" * 12, "w2")])
    panel = panel_from_rollup(roll_up(frame, HOUR, SLOT), START, START + 2 * HOUR, HOUR)
    assert set(panel.columns) == set(PANEL_COLUMNS)
    np.testing.assert_allclose(panel["observed_fraction"], [[10 / 12, 0], [1, 0]])
    np.testing.assert_allclose(panel["off_fraction"], [[2 / 12, 0], [1, 0]])
    np.testing.assert_array_equal(panel["cpu_usage_cores_mean"], [[1, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(panel["cpu_capacity_cores"], [[4, np.nan], [0, np.nan]])


def test_bitbrains_hours_agree_with_a_direct_computation(traces: Path) -> None:
    start, end = datetime(2013, 8, 5, tzinfo=UTC), datetime(2013, 8, 7, tzinfo=UTC)
    day = bitbrains(traces).filter(pl.col("timestamp").is_between(start, end, closed="left"))
    rolled = roll_up(validate(day, start, end).clean, HOUR, SLOT)
    one = rolled.filter(pl.col("workload_id") == "bitbrains-rnd-vm-333", pl.col("timestamp") == start).row(
        0, named=True
    )
    raw = day.filter(pl.col("workload_id") == "bitbrains-rnd-vm-333", pl.col("timestamp") < start + HOUR)
    assert raw.height == one["on_count"] == 12
    assert one["cpu_usage_cores_mean"] == pytest.approx(raw["cpu_usage_cores"].mean())
    assert one["memory_usage_bytes_max"] == raw["memory_usage_bytes"].max()
