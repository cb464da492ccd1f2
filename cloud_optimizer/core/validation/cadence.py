"""The sampling cadence of a cluster: found in its own timestamps, put on a declared ladder of grid steps."""

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.validation.settings import ValidationSettings

_TOLERANCE = 0.05  # of a step: clocks drift by seconds (Bitbrains: 299 to 301 s)
_REGULAR_SHARE = 0.9  # of the intervals must be whole steps
_COVERED_SHARE = 0.95  # of the workloads must be sampled at least once a step
_MINIMUM_INTERVALS = 12  # fewer say little about a workload's cadence


@dataclass(frozen=True)
class Cadence:
    """The grid a cluster is put on.

    Args:
        step: Length of a grid slot, one of the settings' ladder.
        regular: True when nine of ten intervals between samples are whole steps, within 5 % of a step.
        note: What was found and done, in words.
    """

    step: timedelta
    regular: bool
    note: str


def detect_cadence(samples: pl.DataFrame, settings: ValidationSettings | None = None) -> Cadence:
    """Return the grid step of one cluster's samples.

    The step is the finest of the ladder at which 95 % of the workloads are sampled at least once a slot, by the
    median interval of each. A finer one would turn arithmetic into gaps: 7-minute samples go on a 10-minute grid.

    Raises:
        InputError: The typical interval is longer than the ladder's last step.
    """
    settings = settings or ValidationSettings()
    intervals = _intervals(samples)
    if intervals.is_empty():
        words = _words(settings.default_step)
        return Cadence(settings.default_step, False, f"too few samples to see a cadence; a {words} grid is assumed")
    per_workload = _typical_intervals(intervals)
    typical = float(per_workload["median"].quantile(_COVERED_SHARE, "higher") or 0.0)
    step = _on_ladder(typical, settings)
    seconds = step.total_seconds()
    coarser = int((per_workload["median"] > seconds * (1 + _TOLERANCE)).sum())
    whole = _whole_share(intervals, seconds)
    regular = whole >= _REGULAR_SHARE
    found = f"typical interval {typical:g} s, {whole:.1%} of intervals are whole {_words(step)} steps"
    done = "" if regular else f"; resampled to a {_words(step)} grid"
    rest = f"; {coarser} workloads are sampled more rarely and show gaps" if coarser else ""
    return Cadence(step, regular, found + done + rest)


def _intervals(samples: pl.DataFrame) -> pl.DataFrame:
    """Seconds between successive distinct timestamps of each workload."""
    times = samples.select("workload_id", "timestamp").drop_nulls().unique().sort("workload_id", "timestamp")
    gap = pl.col("timestamp").diff().over("workload_id").dt.total_milliseconds() / 1000
    return times.select("workload_id", gap.alias("seconds")).drop_nulls()


def _typical_intervals(intervals: pl.DataFrame) -> pl.DataFrame:
    medians = intervals.group_by("workload_id").agg(pl.col("seconds").median().alias("median"), pl.len().alias("count"))
    telling = medians.filter(pl.col("count") >= _MINIMUM_INTERVALS)
    return medians if telling.is_empty() else telling


def _whole_share(intervals: pl.DataFrame, step: float) -> float:
    steps = intervals["seconds"] / step
    whole = (steps.round() >= 1) & ((steps - steps.round()).abs() <= _TOLERANCE)
    return float(whole.mean() or 0.0)  # type: ignore[arg-type]  # the mean of booleans is a float


def _on_ladder(typical: float, settings: ValidationSettings) -> timedelta:
    for step in settings.ladder:
        if typical <= step.total_seconds() * (1 + _TOLERANCE):
            return step
    raise InputError(
        f"samples come every {timedelta(seconds=typical)}, the coarsest grid is {settings.ladder[-1]}:"
        " give telemetry that is sampled at least that often"
    )


def _words(step: timedelta) -> str:
    return f"{step / HOUR:g} h" if step >= HOUR else f"{step / timedelta(minutes=1):g} min"
