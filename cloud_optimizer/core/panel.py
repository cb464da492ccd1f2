"""The dense [workload, time] layout in which features, models and replays compute.

A panel holds one float32 array a column. Unknown is NaN. Every row is the same regular time axis, so a lag is a
slice and a rolling window a running sum.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Panel:
    """Columns of one cluster on one regular time axis.

    Args:
        workload_ids: Row labels, sorted, n of them.
        start: Label of the first interval, UTC.
        step: Length of an interval.
        columns: Name to float32 array of shape [n, T]; NaN is unknown. Arrays are not to be written to.
    """

    workload_ids: tuple[str, ...]
    start: datetime
    step: timedelta
    columns: Mapping[str, FloatArray]

    @property
    def length(self) -> int:
        """Number of intervals T."""
        return next(iter(self.columns.values())).shape[1] if self.columns else 0

    @property
    def end(self) -> datetime:
        """End of the last interval, exclusive."""
        return self.start + self.length * self.step

    @property
    def times(self) -> NDArray[np.datetime64]:
        """Interval starts, shape [T], UTC without a zone."""
        first = np.datetime64(self.start.replace(tzinfo=None), "us")
        return first + np.arange(self.length) * np.timedelta64(self.step // timedelta(microseconds=1), "us")

    def __getitem__(self, column: str) -> FloatArray:
        """Return one column, shape [n, T]."""
        return self.columns[column]

    def index(self, time: datetime) -> int:
        """Return the position of the interval that starts at `time`; T for the end of the panel."""
        return (time - self.start) // self.step

    def window(self, start: datetime, end: datetime) -> "Panel":
        """Return the intervals in [start, end) as views, clipped to what the panel holds."""
        first, last = max(self.index(start), 0), max(min(self.index(end), self.length), 0)
        columns = {name: values[:, first:last] for name, values in self.columns.items()}
        return Panel(self.workload_ids, self.start + first * self.step, self.step, columns)

    def rows(self, positions: Sequence[int] | NDArray[np.intp]) -> "Panel":
        """Return the workloads at `positions`, in that order."""
        keep = np.asarray(positions, dtype=np.intp)
        columns = {name: values[keep] for name, values in self.columns.items()}
        return Panel(tuple(self.workload_ids[i] for i in keep), self.start, self.step, columns)

    def with_columns(self, columns: Mapping[str, FloatArray]) -> "Panel":
        """Return a panel that also holds `columns`."""
        return Panel(self.workload_ids, self.start, self.step, {**self.columns, **columns})

    @classmethod
    def from_frame(
        cls, frame: pl.DataFrame, columns: Iterable[str], start: datetime, end: datetime, step: timedelta
    ) -> "Panel":
        """Scatter a long frame (workload_id, timestamp, columns) onto the axis [start, end).

        Rows outside the axis are dropped; slots without a row stay NaN; timestamps must lie on the axis.
        """
        length = (end - start) // step
        inside = frame.filter(pl.col("timestamp").is_between(start, end, closed="left"))
        workload_ids = tuple(inside["workload_id"].unique().sort())
        row = np.searchsorted(np.asarray(workload_ids, dtype=object), inside["workload_id"].to_numpy())
        since_start = (inside["timestamp"] - start).dt.total_microseconds().to_numpy()
        slot = since_start // (step // timedelta(microseconds=1))
        arrays = {}
        for name in columns:
            values = np.full((len(workload_ids), length), np.nan, dtype=np.float32)
            values[row, slot] = inside[name].cast(pl.Float32).to_numpy()
            arrays[name] = values
        return cls(workload_ids, start, step, arrays)

    def to_frame(self, columns: Iterable[str] | None = None) -> pl.DataFrame:
        """Return the long frame (workload_id, timestamp, columns), sorted by both keys; NaN becomes null."""
        names = list(self.columns if columns is None else columns)
        count = len(self.workload_ids)
        keys = {
            "workload_id": pl.Series(self.workload_ids, dtype=pl.String).gather(
                np.repeat(np.arange(count), self.length)
            ),
            "timestamp": pl.Series(np.tile(self.times, count)).dt.replace_time_zone("UTC"),
        }
        values = {name: pl.Series(self.columns[name].reshape(-1), nan_to_null=True) for name in names}
        return pl.DataFrame({**keys, **values})
