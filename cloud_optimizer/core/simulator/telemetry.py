"""The samples of a simulated cluster, computed in whole weeks so that no sample depends on the range asked for.

A week has always the same shape, so even the last bit of a sum is the same.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import MEASURES, SAMPLE_SCHEMA
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.simulator.demand import Clock, actual_demand, expected_demand
from cloud_optimizer.core.simulator.faults import FAULTS, Span, fault_kinds, off_period, outage, spoil, switch_off
from cloud_optimizer.core.simulator.fleet import Fleet, draw_fleet
from cloud_optimizer.core.simulator.randomness import Array
from cloud_optimizer.core.simulator.response import respond
from cloud_optimizer.core.simulator.scaling import replicas_by_hour
from cloud_optimizer.core.simulator.settings import SimulatorSettings

MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
WEEK_HOURS = 168


def simulate(settings: SimulatorSettings, cluster: str, start: datetime, end: datetime) -> pl.DataFrame:
    """Return the samples of [start, end) in SAMPLE_SCHEMA, sorted by workload and time, defective rows included.

    Raises:
        InputError: The cluster is not one of the settings.
    """
    if cluster not in settings.clusters:
        raise InputError(f"the simulator has no cluster {cluster!r}, it has {', '.join(settings.clusters)}")
    fleet = draw_fleet(settings, cluster)
    first, last = max(start, settings.begin), min(end, settings.end)
    weeks = [_week(settings, cluster, fleet, monday, Span(first, last)) for monday in _mondays(first, last)]
    if not weeks:
        return SAMPLE_SCHEMA.to_frame()
    return pl.concat(weeks).sort("workload_id", "timestamp", maintain_order=True)


def _mondays(start: datetime, end: datetime) -> Iterator[datetime]:
    monday = MONDAY + (start - MONDAY) // WEEK * WEEK
    while start < end and monday < end:
        yield monday
        monday += WEEK


def _week(settings: SimulatorSettings, cluster: str, fleet: Fleet, monday: datetime, wanted: Span) -> pl.DataFrame:
    seconds = _seconds(monday) + np.arange(WEEK_HOURS * 3600 // settings.cadence_seconds) * settings.cadence_seconds
    kind = fault_kinds(settings, cluster, fleet, seconds // settings.cadence_seconds)
    measures = _measures(settings, cluster, fleet, seconds)
    gap = outage(settings, cluster)
    kept = _inside(seconds, wanted) & ~_inside(seconds, gap)
    return _rows(cluster, fleet, seconds[kept], {n: v[:, kept] for n, v in measures.items()}, kind[:, kept])


def _measures(settings: SimulatorSettings, cluster: str, fleet: Fleet, seconds: NDArray[np.int64]) -> dict[str, Array]:
    begin_hour, range_hours = _seconds(settings.begin) / 3600.0, settings.days * 24.0
    clock = Clock(seconds.astype(np.float64) / 3600.0, begin_hour, range_hours)
    first_hour = int(seconds[0]) // 3600
    middle = first_hour + 0.5 + np.arange(WEEK_HOURS, dtype=np.float64)
    by_hour = expected_demand(fleet, Clock(middle, begin_hour, range_hours))
    replicas = replicas_by_hour(settings, cluster, fleet, by_hour, first_hour)[:, seconds // 3600 - first_hour]
    demand = actual_demand(settings, cluster, fleet, clock)
    measures = respond(settings, cluster, fleet, clock, demand=demand, replicas=replicas)
    return switch_off(fleet, measures, _inside(seconds, off_period(settings)))


def _rows(
    cluster: str, fleet: Fleet, seconds: NDArray[np.int64], measures: dict[str, Array], kind: NDArray[np.int8]
) -> pl.DataFrame:
    kinds = kind.reshape(-1)
    twice = np.isin(kinds, (FAULTS.index("duplicate"), FAULTS.index("conflict")))
    source = np.repeat(np.arange(kinds.size), 1 + twice)
    repeated = np.concatenate(([False], source[1:] == source[:-1])) if source.size else np.zeros(0, dtype=np.bool_)
    sound = {name: values.reshape(-1)[source] for name, values in measures.items()}
    spoiled = spoil(sound, kinds[source], repeated)
    row, slot = np.divmod(source, max(seconds.size, 1))
    times = pl.Series((seconds[slot] * 1_000_000).astype("datetime64[us]")).dt.replace_time_zone("UTC")
    frame = {
        "cluster": pl.repeat(cluster, source.size, dtype=pl.String, eager=True),
        "workload_id": pl.Series(fleet.workload_ids, dtype=pl.String).gather(row),
        "timestamp": times,
        **{name: _column(name, spoiled[name]) for name in MEASURES},
    }
    return pl.DataFrame(frame, schema=SAMPLE_SCHEMA)


def _column(name: str, values: Array) -> pl.Series:
    series = pl.Series(values)
    # The usage column carries NaN on purpose: one of the faults. Everywhere else NaN means unknown.
    return series if name == "cpu_usage_cores" else series.fill_nan(None)


def _seconds(time: datetime) -> int:
    return (time - EPOCH) // timedelta(seconds=1)


def _inside(seconds: NDArray[np.int64], span: Span) -> NDArray[np.bool_]:
    return (seconds >= (span.start - EPOCH).total_seconds()) & (seconds < (span.end - EPOCH).total_seconds())
