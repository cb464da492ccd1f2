"""How the rows of a whole cluster usually spread over bins of values or over categories, and how a day's do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cloud_optimizer.core.drift.layout import DayLayout
from cloud_optimizer.core.drift.settings import DriftSettings
from cloud_optimizer.core.drift.statistics import Float64Array, bin_of, cramers_v, psi_of_counts, quantile_edges
from cloud_optimizer.core.drift.usual import like_days

PSI: Final = "psi"
CHI_SQUARED: Final = "chi_squared"


@dataclass(frozen=True)
class Bins:
    """Bins of numbers at quantiles of the reference, and one for unknown values. Their distance is the PSI."""

    edges: Float64Array
    statistic = PSI

    @property
    def size(self) -> int:
        """Number of bins."""
        return len(self.edges) + 2

    @classmethod
    def of(cls, column: pl.Series, bins: int) -> "Bins":
        """Choose the edges by a reference column."""
        return cls(quantile_edges(_numbers(column), bins))

    def position(self, column: pl.Series) -> NDArray[np.intp]:
        """Return the bin of each row."""
        return bin_of(_numbers(column), self.edges)

    def distance(self, reference: Float64Array, current: Float64Array) -> float:
        """Return the PSI of counts."""
        return float(psi_of_counts(reference, current))


@dataclass(frozen=True)
class Categories:
    """Categories of the reference, and one for all others and unknown ones. Their distance is Cramer's V."""

    names: pl.Series
    statistic = CHI_SQUARED

    @property
    def size(self) -> int:
        """Number of categories."""
        return len(self.names) + 1

    @classmethod
    def of(cls, column: pl.Series) -> "Categories":
        """Take the categories of a reference column."""
        return cls(column.cast(pl.String).drop_nulls().unique().sort())

    def position(self, column: pl.Series) -> NDArray[np.intp]:
        """Return the category of each row."""
        other = len(self.names)
        places = pl.Series(range(other), dtype=pl.Int64)
        known = column.cast(pl.String).replace_strict(self.names, places, default=other)
        return np.asarray(known.fill_null(other).to_numpy(), np.intp)

    def distance(self, reference: Float64Array, current: Float64Array) -> float:
        """Return Cramer's V of counts."""
        return cramers_v(reference, current)


@dataclass(frozen=True)
class UsualShares:
    """The usual spread of a column's rows.

    Args:
        axis: The bins or categories.
        counts: Weekday to the counts of its like days, shape [axis.size].
        usual: The distance of each reference day from its other like days, shape [D].
    """

    axis: Bins | Categories
    counts: Mapping[int, Float64Array]
    usual: Float64Array

    @classmethod
    def fit(cls, layout: DayLayout, column: str, axis: Bins | Categories, settings: DriftSettings) -> "UsualShares":
        """Learn from reference days."""
        by_day = layout.counts_by_day(axis.position(layout.frame[column]), axis.size)
        like = {day: like_days(day, layout.weekdays, settings.minimum_like_days) for day in range(7)}
        counts = {day: by_day[days].sum(axis=0) for day, days in like.items()}
        usual = [axis.distance(counts[day] - by_day[i], by_day[i]) for i, day in enumerate(layout.weekdays)]
        return cls(axis, counts, np.array(usual, np.float64))

    def compare(self, column: pl.Series, weekday: int) -> float:
        """Return the distance of a day's rows."""
        current = np.bincount(self.axis.position(column), minlength=self.axis.size).astype(np.float64)
        return self.axis.distance(self.counts[weekday], current)


def _numbers(column: pl.Series) -> Float64Array:
    return np.asarray(column.cast(pl.Float64).to_numpy(), np.float64)
