"""The frames that drift is judged on, as one [workload, day, slot] array a column."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import DAY, TARGETS, quantile_column
from cloud_optimizer.core.drift.statistics import Float64Array

KEYS: Final = ("cluster", "workload_id", "timestamp")


@dataclass(frozen=True)
class DayLayout:
    """Where the rows of a frame lie on the axes workload, day and slot of the day.

    Args:
        frame: Rows in which anything is known.
        workload_ids: Labels of the first axis, n of them.
        days: Labels of the second axis, D of them, in order.
        slots: Length S of the third axis.
        place: Position of each row on the three axes, shape [3, rows].
    """

    frame: pl.DataFrame
    workload_ids: tuple[str, ...]
    days: tuple[date, ...]
    slots: int
    place: NDArray[np.intp]

    @classmethod
    def of(cls, known: pl.DataFrame, step: timedelta) -> "DayLayout":
        """Lay out known rows (see `known_rows`)."""
        names = tuple(known["workload_id"].unique().sort())
        return cls.on_axes(known, step, names, tuple(known["timestamp"].dt.date().unique().sort()))

    @classmethod
    def on_axes(
        cls, known: pl.DataFrame, step: timedelta, workload_ids: Sequence[str], days: Sequence[date]
    ) -> "DayLayout":
        """Lay out known rows on given axes; rows of other workloads and days are left out."""
        day = pl.col("timestamp").dt.date()
        inside = known.filter(pl.col("workload_id").is_in(list(workload_ids)), day.is_in(list(days)))
        row = _positions(inside["workload_id"], workload_ids)
        since_midnight = (inside["timestamp"] - inside["timestamp"].dt.truncate("1d")).dt.total_microseconds()
        slot = since_midnight.to_numpy() // (step // timedelta(microseconds=1))
        place = np.stack([row, _positions(inside["timestamp"].dt.date(), days), slot]).astype(np.intp)
        return cls(inside, tuple(workload_ids), tuple(days), DAY // step, place)

    @property
    def weekdays(self) -> tuple[int, ...]:
        """Weekday of each day, Monday 0."""
        return tuple(day.weekday() for day in self.days)

    def numeric_columns(self) -> Iterator[str]:
        """Columns that hold a known number somewhere."""
        for name, dtype in self.frame.schema.items():
            if name not in KEYS and dtype.is_numeric() and self.frame[name].null_count() < self.frame.height:
                yield name

    def category_columns(self) -> Iterator[str]:
        """Columns that hold categories, the workload itself among them: it tells who makes up the mix."""
        yield "workload_id"
        for name, dtype in self.frame.schema.items():
            if name not in KEYS and not dtype.is_numeric() and not dtype.is_temporal():
                yield name

    def values(self, column: str) -> Float64Array:
        """Return a numeric column, shape [n, D, S]; NaN is unknown."""
        cube = np.full((len(self.workload_ids), len(self.days), self.slots), np.nan)
        cube[tuple(self.place)] = self.frame[column].cast(pl.Float64).to_numpy()
        return cube

    def counts_by_day(self, position: NDArray[np.intp], size: int) -> Float64Array:
        """Count the rows of each day by their position in [0, size), shape [D, size]."""
        flat = self.place[1] * size + position
        return np.bincount(flat, minlength=len(self.days) * size).reshape(-1, size).astype(np.float64)


def known_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows in which anything is known: an outage is missing data, not drift."""
    return frame.filter(~pl.all_horizontal(pl.exclude(KEYS).is_null()))


def _positions(values: pl.Series, labels: Sequence[object]) -> NDArray[np.intp]:
    places = pl.Series(range(len(labels)), dtype=pl.Int64)
    return values.replace_strict(pl.Series(labels, dtype=values.dtype), places).to_numpy().astype(np.intp)


def demand_columns(rollup: pl.DataFrame) -> pl.DataFrame:
    """Return the frame for target drift: `ROLLUP_SCHEMA` rows reduced to one column a forecast target."""
    return rollup.select(*KEYS, *[pl.col(target.column).alias(target.name) for target in TARGETS])


def forecast_medians(forecast: pl.DataFrame) -> pl.DataFrame:
    """Return the frame for prediction drift: medians of `FORECAST_SCHEMA` rows, one column a target.

    Where an interval was forecast from several origins or by several models, the newest origin counts, then the last
    model by name: pass the champion's forecasts only.
    """
    newest = forecast.sort("origin", "model").unique([*KEYS, "target"], keep="last", maintain_order=True)
    medians = newest.pivot("target", index=list(KEYS), values=quantile_column(0.5), sort_columns=True)
    return medians.sort("workload_id", "timestamp")
