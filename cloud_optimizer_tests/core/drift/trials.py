"""Stable simulated telemetry, and ways to change it from a day on."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl

from cloud_optimizer.core.contracts import HOUR, TARGETS
from cloud_optimizer.core.rollup import roll_up
from cloud_optimizer.core.simulator.settings import SimulatorSettings
from cloud_optimizer.core.simulator.telemetry import simulate
from cloud_optimizer.core.validation import Cadence, validate

COLUMNS = [target.name for target in TARGETS]
row_day = pl.col("timestamp").dt.date()
row_weekday = pl.col("timestamp").dt.weekday()
CADENCE = timedelta(minutes=15)

Change = Callable[[pl.DataFrame, date, np.random.Generator], pl.DataFrame]


@cache
def stable_hours(seed: int, cluster: str, days: int) -> pl.DataFrame:
    """Return the hourly roll-up of a simulated cluster of 12 workloads.

    The outage, the switched-off workload and the regime change of the simulator are placed by share of its range:
    in a range of ten years the first months see none of them.
    """
    settings = SimulatorSettings(seed=seed, days=3650, cadence_seconds=CADENCE // timedelta(seconds=1))
    start, end = settings.begin, settings.begin + timedelta(days=days)
    samples = simulate(settings, cluster, start, end)
    return roll_up(validate(samples, start, end, cadence=Cadence(CADENCE, True, "simulated")).clean, HOUR, CADENCE)


def days_of(frame: pl.DataFrame) -> list[date]:
    return frame["timestamp"].dt.date().unique().sort().to_list()


def between(frame: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    return frame.filter(row_day.is_between(first, last))


def _from(day: date, values: dict[str, pl.Expr]) -> list[pl.Expr]:
    return [pl.when(row_day >= day).then(value).otherwise(pl.col(name)).alias(name) for name, value in values.items()]


def level_shift(frame: pl.DataFrame, day: date, _: np.random.Generator) -> pl.DataFrame:
    """Demand of every workload rises by a quarter."""
    return frame.with_columns(_from(day, {name: pl.col(name) * 1.25 for name in COLUMNS}))


def variance_change(frame: pl.DataFrame, day: date, _: np.random.Generator) -> pl.DataFrame:
    """Deviations from a workload's usual hour of the week are three times as large."""
    usual = {n: pl.col(n).median().over("workload_id", row_weekday, pl.col("timestamp").dt.hour()) for n in COLUMNS}
    return frame.with_columns(_from(day, {n: (u + 3 * (pl.col(n) - u)).clip(0) for n, u in usual.items()}))


def lost_rhythm(frame: pl.DataFrame, day: date, _: np.random.Generator) -> pl.DataFrame:
    """Every weekday has the mean level of the week."""
    mean = {name: pl.col(name).mean() for name in COLUMNS}
    factor = {name: m.over("workload_id") / m.over("workload_id", row_weekday) for name, m in mean.items()}
    return frame.with_columns(_from(day, {name: pl.col(name) * f for name, f in factor.items()}))


def changed_mix(frame: pl.DataFrame, day: date, random: np.random.Generator) -> pl.DataFrame:
    """A third of the workloads are replaced by new ones, which do what others of the fleet do at half their size."""
    names = random.permutation(frame["workload_id"].unique().sort().to_list())
    gone, copied = names[:4].tolist(), names[4:8].tolist()
    after = row_day >= day
    new = frame.filter(after, pl.col("workload_id").is_in(copied)).with_columns(
        pl.col("workload_id") + "-new", *[pl.col(name) / 2 for name in COLUMNS]
    )
    return pl.concat([frame.filter(~(after & pl.col("workload_id").is_in(gone))), new])


def swapped_mix(frame: pl.DataFrame, day: date, random: np.random.Generator) -> pl.DataFrame:
    """A third of the workloads trade their demand among each other: the same names do other work."""
    names = random.permutation(frame["workload_id"].unique().sort().to_list())[:4].tolist()
    trade = dict(zip(names, [*names[1:], names[0]], strict=True))
    renamed = pl.when(row_day >= day).then(pl.col("workload_id").replace(trade)).otherwise("workload_id")
    return frame.with_columns(renamed.alias("workload_id"))
