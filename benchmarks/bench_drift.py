"""What drift verdicts say day by day, on real traces with marked events and on simulated changes.

python -m benchmarks.bench_drift [--quick] [--output FILE.json]
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from benchmarks.results import Measure, Report, Table, measured
from benchmarks.traces import BITBRAINS, TRACES, missing_trace
from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.drift import DriftSettings, DriftVerdict, demand_columns
from cloud_optimizer.core.drift.days import judge_days
from cloud_optimizer.core.rollup import roll_up
from cloud_optimizer.core.validation import validate
from cloud_optimizer_tests.core.drift import trials
from cloud_optimizer_tests.core.validation.telemetry import bitbrains

NAB: Final = TRACES / "nab_aws_cloudwatch.parquet"
EVENTS: Final = TRACES / "bitbrains_rnd_dev_events.csv"
BITBRAINS_SPAN: Final = (datetime(2013, 6, 30, tzinfo=UTC), datetime(2013, 9, 30, tzinfo=UTC))
CADENCE: Final = timedelta(minutes=5)
REFERENCE_DAYS: Final = 28
FEWEST_DAYS: Final = 8  # of a reference, below which nothing is judged
RETRAINED_EVERY: Final = 7
WITHIN: Final = timedelta(days=1)  # two partitions: the event's own and the next one
SETTINGS: Final = DriftSettings()
CLUSTERS: Final = ((501, "web-prod"), (501, "batch-prod"), (502, "web-prod"))
JUDGED_DAYS: Final = 60
CHANGES: Final = (
    trials.level_shift,
    trials.variance_change,
    trials.lost_rhythm,
    trials.changed_mix,
    trials.swapped_mix,
)

TEXT: Final = """\
Every day is judged as `drift_report` does: against the days before the newest weekly training, {reference} at most. A
*hit* is an alarm on the day of a marked event or the next one. Drift that lasts is an alarm each day until a training
learned from it: a *new* alarm does not go on from the day before, and is *false* where no event lies in those two
days. *Machines*: shifted workloads that the verdict names, one by one; such a name alone is no drift of the cluster.
*Cluster*: whether the day as a whole drifted, which is what retrains. Bitbrains is a cluster of 20 machines whose marks
are of single machines; each NAB series is judged as a cluster of its own, because its series do not overlap in time.
Simulated: clusters of 12 workloads.
"""
LIMITS: Final = """\
Bitbrains' marks come from three-day medians and capacities, not from people; a level to which a machine only returns,
or a machine that swings that much every day, is marked and is no drift. NAB marks anomalies, many of them minutes long:
a verdict on the demand of a whole day is not made to see them. Most NAB series last two weeks, of which eight days are
the first reference.
"""

Key = tuple[str, date]
"""A workload or cluster, and a day."""


@dataclass(frozen=True)
class Score:
    """Alarms beside marked events.

    Args:
        judged: Days (of workloads) that could be judged.
        alarms: Those that drifted.
        new: Alarms that do not go on from the day before.
        events: Marked events on judged days.
        hits: Events with an alarm within two partitions.
        false: New alarms without an event within two partitions before.
    """

    judged: int
    alarms: int
    new: int
    events: int
    hits: int
    false: int

    @classmethod
    def of(cls, judged: set[Key], alarms: set[Key], events: set[Key]) -> "Score":
        """Count; an event on a day that could not be judged, and whose next day neither, is left out."""
        seen = {event for event in events if _around(event) & judged}
        hits = {event for event in seen if _around(event) & alarms}
        new = {key for key in alarms if (key[0], key[1] - timedelta(days=1)) not in alarms}
        false = new - {key for event in events for key in _around(event)}
        return cls(len(judged), len(alarms), len(new), len(seen), len(hits), len(false))

    def row(self, name: str) -> tuple[str, ...]:
        """Return the cells of a table."""
        rate = f"{100 * self.false / self.judged:.2f}" if self.judged else "-"
        counts = (self.judged, self.events, self.hits, self.alarms, self.new, self.false)
        return name, *map(str, counts), rate


def _around(event: Key) -> set[Key]:
    return {event, (event[0], event[1] + WITHIN)}


def main() -> int:
    """Judge everything and write the report."""
    parser = argparse.ArgumentParser(description="Drift verdicts on real and simulated telemetry.")
    parser.add_argument("--quick", action="store_true", help="few simulated trials")
    parser.add_argument("--output", type=Path, help="JSON file of the report")
    arguments = parser.parse_args()
    skipped = missing_trace(BITBRAINS) or missing_trace(NAB)
    report = Report(skipped=skipped) if skipped else measure(trials_each=10 if arguments.quick else 40)
    if arguments.output:
        arguments.output.write_text(report.model_dump_json(), encoding="utf-8")
    return 0


def measure(trials_each: int) -> Report:
    """Return figures of the simulated changes beside their goals, and those of the real traces."""
    header = ("trace", "judged", "events", "hits", "alarm days", "new alarms", "false", "false per 100")
    rows = [*bitbrains_rows(), nab_row()]
    table = Table(title="Real traces", header=header, rows=tuple(rows))
    found = [stable_measure(), *(caught(change, trials_each) for change in CHANGES)]
    return Report(measures=tuple(found), tables=(table,), text=TEXT.format(reference=REFERENCE_DAYS), limits=LIMITS)


def walk(cluster: str, demand: pl.DataFrame, first: int) -> list[DriftVerdict]:
    """Judge all days from the first-th on, with a training before each week of them."""
    days = trials.days_of(demand)
    found = []
    for trained in range(first, len(days), RETRAINED_EVERY):
        part = days[trained : trained + RETRAINED_EVERY]
        found += judge_days(cluster, part, days[trained - 1], {"target": demand}, REFERENCE_DAYS, SETTINGS)
    return found


def bitbrains_rows() -> list[tuple[str, ...]]:
    """Score machines and the cluster against the marked events of each kind."""
    clean = validate(bitbrains(TRACES), *BITBRAINS_SPAN).clean
    demand = demand_columns(roll_up(clean, HOUR, CADENCE))
    verdicts = [verdict for verdict in walk("bitbrains", demand, REFERENCE_DAYS) if verdict.kinds["target"].judged]
    names = demand["workload_id"].unique()
    judged = {(name, verdict.date) for verdict in verdicts for name in names}
    named = {(name, verdict.date) for verdict in verdicts for name in verdict.kinds["target"].workloads}
    marks = pl.read_csv(EVENTS).with_columns(pl.col("timestamp").str.slice(0, 10).str.to_date().alias("date"))
    events = set(marks.select("workload_id", "date").iter_rows())
    shifts = set(marks.filter(pl.col("event").str.starts_with("level")).select("workload_id", "date").iter_rows())
    days = {("bitbrains", day) for _, day in events}
    drifted = {("bitbrains", verdict.date) for verdict in verdicts if verdict.drifted}
    return [
        Score.of(judged, named, shifts).row("Bitbrains, machines, level shifts only"),
        Score.of(judged, named, events).row("Bitbrains, machines, all events"),
        Score.of({("bitbrains", v.date) for v in verdicts}, drifted, days).row("Bitbrains, cluster, all events"),
    ]


def nab_row() -> tuple[str, ...]:
    """Score each NAB series against the first days of its marked windows."""
    judged, alarms, events = set[Key](), set[Key](), set[Key]()
    for (name,), series in pl.read_parquet(NAB).sort("timestamp").group_by("workload_id", maintain_order=True):
        demand = hourly_values(series)
        verdicts = [v for v in walk(str(name), demand, FEWEST_DAYS) if v.kinds["target"].judged]
        judged |= {(str(name), verdict.date) for verdict in verdicts}
        alarms |= {(str(name), verdict.date) for verdict in verdicts if verdict.drifted}
        starts = series.filter(pl.col("anomaly_window") & ~pl.col("anomaly_window").shift(1, fill_value=False))
        events |= {(str(name), day) for day in starts["timestamp"].dt.date()}
    return Score.of(judged, alarms, events).row("NAB, series, marked windows")


def hourly_values(series: pl.DataFrame) -> pl.DataFrame:
    """Return the mean of a series by hour as demand of a cluster of one workload."""
    hour = pl.col("timestamp").cast(pl.Datetime("us", "UTC")).dt.truncate("1h").alias("timestamp")
    values = series.group_by(hour, maintain_order=True).agg(pl.col("value").cast(pl.Float64).mean().alias("cpu_mean"))
    name = str(series["workload_id"][0])
    return values.select(pl.lit(name).alias("cluster"), pl.lit(name).alias("workload_id"), "timestamp", "cpu_mean")


def stable_measure() -> Measure:
    """Return the share of days of stable simulated telemetry that drift."""
    found: list[DriftVerdict] = []
    for seed, cluster in CLUSTERS:
        hours = trials.stable_hours(seed, cluster, REFERENCE_DAYS + JUDGED_DAYS)
        found += walk(cluster, demand_columns(hours), REFERENCE_DAYS)
    share = 100 * _share(verdict.drifted for verdict in found)
    return measured(f"simulated, stable: alarms on {len(found)} days", share, "%", "<= 5 %", share <= 5)


Change = Callable[[pl.DataFrame, date, np.random.Generator], pl.DataFrame]


def caught(change: Change, count: int) -> Measure:
    """Return the share of trials in which a change on a random day is found within two partitions."""
    random = np.random.default_rng(7)
    hits = [_is_caught(change, CLUSTERS[trial % len(CLUSTERS)], random) for trial in range(count)]
    share = 100 * _share(hits)
    name = change.__name__.replace("_", " ")
    return measured(f"simulated, {name}: caught of {count}", share, "%", ">= 90 %", share >= 90)


def _is_caught(change: Change, cluster: tuple[int, str], random: np.random.Generator) -> bool:
    frame = demand_columns(trials.stable_hours(*cluster, REFERENCE_DAYS + JUDGED_DAYS))
    days = trials.days_of(frame)
    onset = int(random.integers(REFERENCE_DAYS + RETRAINED_EVERY, len(days) - 1))
    trained = onset - int(random.integers(0, RETRAINED_EVERY))
    window = trials.between(frame, days[trained - REFERENCE_DAYS], days[onset + 1])
    frames = {"target": change(window, days[onset], random)}
    verdicts = judge_days(cluster[1], days[onset : onset + 2], days[trained - 1], frames, REFERENCE_DAYS, SETTINGS)
    return any(verdict.drifted for verdict in verdicts)


def _share(found: Iterable[bool]) -> float:
    return float(np.mean(list(found)))


if __name__ == "__main__":
    sys.exit(main())
