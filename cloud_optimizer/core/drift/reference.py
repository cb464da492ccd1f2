"""A reference: what every column of a frame usually does, and how unusual its own days look beside each other."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cloud_optimizer.core.drift.layout import DayLayout, known_rows
from cloud_optimizer.core.drift.settings import DriftSettings, Kind
from cloud_optimizer.core.drift.shares import PSI, Bins, Categories, UsualShares
from cloud_optimizer.core.drift.statistics import Float64Array
from cloud_optimizer.core.drift.usual import KS, SPREAD, UsualDays

WORKLOADS: Final = "workloads"
SHIFTED_SHARE: Final = "shifted_share"

Evidence = tuple[str, str]
"""A column and a statistic on it."""

_SMALLEST_PSI: Final = 1e-3  # below it a PSI is sampling noise, whose logarithm must not stretch the yardstick
_SMALLEST_DEVIATION: Final = 1e-6


@dataclass(frozen=True)
class Yardstick:
    """Mean, standard deviation and largest value of a statistic over the reference days.

    Mean and deviation of the PSI are those of its logarithm.
    """

    mean: float
    deviation: float
    largest: float
    logarithmic: bool

    @classmethod
    def of(cls, statistic: str, usual: Float64Array) -> "Yardstick | None":
        """Return the yardstick for a statistic's values on the reference days; None where none is known."""
        known = usual[~np.isnan(usual)]
        if not known.size:
            return None
        scaled = np.log(np.maximum(known, _SMALLEST_PSI)) if statistic == PSI else known
        deviation = max(float(scaled.std()), _SMALLEST_DEVIATION)
        return cls(float(scaled.mean()), deviation, float(known.max()), statistic == PSI)

    def deviations(self, values: Float64Array) -> Float64Array:
        """Return by how many standard deviations values exceed the mean."""
        scaled = np.log(np.maximum(values, _SMALLEST_PSI)) if self.logarithmic else values
        return np.asarray((scaled - self.mean) / self.deviation)

    def value(self, deviations: float) -> float:
        """Return the value that exceeds the mean by this many standard deviations, and is no less than the largest."""
        scaled = self.mean + deviations * self.deviation
        return max(math.exp(min(scaled, 50.0)) if self.logarithmic else scaled, self.largest)


@dataclass(frozen=True)
class DriftReference:
    """What the days of one kind usually look like. Fitted once, it judges any number of days.

    Args:
        kind: data, prediction or target.
        days: Reference days, in order.
        workload_ids: Workloads of the reference.
        workloads: Column to what each workload usually does.
        shares: Column to how the whole cluster's rows usually spread.
        yardsticks: Usual variation of each piece of evidence.
        reach: Deviations that the reference's own days hardly exceed, by the rule that decides on a day.
        observations: Known rows of a usual day.
    """

    kind: Kind
    days: tuple[date, ...]
    workload_ids: tuple[str, ...]
    workloads: Mapping[str, UsualDays]
    shares: Mapping[str, UsualShares]
    yardsticks: Mapping[Evidence, Yardstick]
    reach: float
    observations: float


def fit_reference(kind: Kind, frame: pl.DataFrame, settings: DriftSettings | None = None) -> DriftReference:
    """Learn what is usual from reference days.

    Args:
        kind: What the frame holds.
        frame: workload_id, timestamp (UTC, on the step's grid) and the columns to watch: numbers are compared by PSI,
            KS distance, spread and weekly rhythm, words and booleans by chi-squared. Leave out columns that differ
            every day by design, such as calendar features.
        settings: Thresholds.
    """
    settings = settings or DriftSettings()
    layout = DayLayout.of(known_rows(frame), settings.step)
    enough = len(layout.days) >= settings.minimum_reference_days
    numbers = list(layout.numeric_columns()) if enough else []
    workloads = {name: UsualDays.fit(layout.values(name), layout.weekdays, settings) for name in numbers}
    axes: dict[str, Bins | Categories] = {name: Bins.of(layout.frame[name], settings.psi_bins) for name in numbers}
    if enough:
        axes |= {name: Categories.of(layout.frame[name]) for name in layout.category_columns()}
    shares = {name: UsualShares.fit(layout, name, axis, settings) for name, axis in axes.items()}
    usual = {(column, name): values for column, days in workloads.items() for name, values in days.usual.items()}
    usual |= {(column, share.axis.statistic): share.usual for column, share in shares.items()}
    need = columns_needed(settings.column_share[kind], len(numbers))
    counted = [{key: usual[key] for key in ((name, PSI), (name, KS), (name, SPREAD))} for name in numbers]
    shifted = shifted_workloads([days.shifted for days in workloads.values()], need)
    usual[WORKLOADS, SHIFTED_SHARE] = shifted.mean(axis=0) if numbers else np.zeros(0)
    return DriftReference(
        kind=kind,
        days=layout.days,
        workload_ids=layout.workload_ids,
        workloads=workloads,
        shares=shares,
        yardsticks=_yardsticks(usual),
        reach=_reach(counted, need, settings),
        observations=layout.frame.height / max(len(layout.days), 1),
    )


def columns_needed(share: float, count: int) -> int:
    """Return how many of `count` columns must drift: 0.25 of 4 is 1, 0.15 of 10 is 2."""
    return max(1, math.ceil(share * count - 1e-9))


def shifted_workloads(by_column: Sequence[NDArray[np.bool_]], need: int) -> NDArray[np.bool_]:
    """Return which workloads shifted in at least `need` columns; each item and the result have shape [n, ...]."""
    return np.asarray(np.sum(by_column, axis=0) >= need)


def _yardsticks(usual: Mapping[Evidence, Float64Array]) -> dict[Evidence, Yardstick]:
    sticks = {key: Yardstick.of(key[1], values) for key, values in usual.items()}
    return {key: stick for key, stick in sticks.items() if stick is not None}


def _reach(columns: Sequence[Mapping[Evidence, Float64Array]], need: int, settings: DriftSettings) -> float:
    """How far the reference's own days come: the `need`-th furthest column of each day, over all days.

    Many columns are looked at, so some are always unusual: the rule is measured as a whole.
    """
    worst = []
    for usual in columns:
        sticks = _yardsticks(usual)
        far = [np.nan_to_num(stick.deviations(usual[key]), nan=-np.inf) for key, stick in sticks.items()]
        if far:
            worst.append(np.max(far, axis=0))
    if len(worst) < need:
        return settings.column_deviations
    deciding = np.sort(np.stack(worst), axis=0)[-need]
    known = deciding[np.isfinite(deciding)]
    beyond = float(known.mean() + settings.column_deviations * known.std()) if known.size else 0.0
    return max(settings.column_deviations, beyond)
