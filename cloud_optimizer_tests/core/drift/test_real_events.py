"""What drift verdicts say on a real trace with marked events, by count: hits, false alarms, days not judged."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.drift import DriftSettings, DriftVerdict, demand_columns, drift_verdict, fit_reference
from cloud_optimizer.core.rollup import roll_up
from cloud_optimizer.core.validation import validate
from cloud_optimizer_tests.core.drift.trials import between, days_of
from cloud_optimizer_tests.core.validation.telemetry import bitbrains

START, END = datetime(2013, 6, 30, tzinfo=UTC), datetime(2013, 9, 30, tzinfo=UTC)
SETTINGS = DriftSettings()


@pytest.fixture(scope="module")
def verdicts(traces: Path) -> list[DriftVerdict]:
    """Judge August and September, 20 machines, against the 28 days before each weekly training."""
    clean = validate(bitbrains(traces), START, END).clean
    demand = demand_columns(roll_up(clean, HOUR, timedelta(minutes=5)))
    days = days_of(demand)
    found = []
    for trained in range(28, len(days), 7):
        reference = {
            "target": fit_reference("target", between(demand, days[trained - 28], days[trained - 1]), SETTINGS)
        }
        current = {"target": demand}
        found += [drift_verdict("b", day, reference, current, SETTINGS) for day in days[trained : trained + 7]]
    return found


def test_the_days_missing_in_the_trace_are_not_judged(verdicts: list[DriftVerdict]) -> None:
    unjudged = [verdict.date for verdict in verdicts if not verdict.kinds["target"].judged]
    assert unjudged == [date(2013, 7, 31), date(2013, 8, 31)]


def test_days_of_drift_follow_marked_events(verdicts: list[DriftVerdict], traces: Path) -> None:
    events = pl.read_csv(traces / "bitbrains_rnd_dev_events.csv")["timestamp"].str.slice(0, 10).str.to_date()
    drifted = [verdict.date for verdict in verdicts if verdict.drifted]
    explained = [day for day in drifted if any(0 <= (day - event).days <= 3 for event in events)]
    assert len(drifted) <= 0.1 * len(verdicts)
    assert len(explained) >= len(drifted) - 1  # one day of four machines at once carries no mark


def test_most_marked_level_shifts_name_their_machine_within_two_days(
    verdicts: list[DriftVerdict], traces: Path
) -> None:
    events = pl.read_csv(traces / "bitbrains_rnd_dev_events.csv").filter(pl.col("event") == "level_shift_3d_median")
    dated = events.with_columns(pl.col("timestamp").str.slice(0, 10).str.to_date().alias("date"))
    judged = dated.filter(pl.col("date") >= verdicts[0].date)
    named = {(workload, verdict.date) for verdict in verdicts for workload in verdict.kinds["target"].workloads}
    hits = [
        workload
        for workload, day in judged.select("workload_id", "date").iter_rows()
        if any((workload, day + timedelta(days=late)) in named for late in range(3))
    ]
    # missed: 025 had been at the new level earlier in its reference, 053 and 057 swing from 0 to 8 cores from day to
    # day, and the daily mean of 242 hardly moves
    assert (len(hits), judged.height) == (6, 10)
