"""The one pass over a file that refuses it or says which clusters and times it holds, before any row is handed out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.telemetry.timestamps import IMPLAUSIBLE, Fault, TimestampPlan, unit_hint
from cloud_optimizer.resources.telemetry.files import TraceFile, reading

ROW = "cloud_optimizer.row"


@dataclass(frozen=True)
class Extent:
    """The samples of one cluster in one file: how many, the first and the last time."""

    rows: int
    first: datetime
    last: datetime


def inspect(
    file: TraceFile, frame: pl.LazyFrame, cluster: pl.Expr, time: TimestampPlan, faults: Sequence[Fault]
) -> Mapping[str, Extent]:
    """Return what a file holds, by cluster.

    Args:
        file: The file, for messages.
        frame: Its rows.
        cluster: Expression of the cluster's name.
        time: How its timestamps are read.
        faults: What a row is refused for, besides the faults of the timestamps.

    Raises:
        InputError: The file has no rows, or a row at fault; the first one is named with its column.
    """
    every = (*time.faults, *faults)
    bad = [fault.bad.fill_null(value=False).alias(f"fault_{index}") for index, fault in enumerate(every)]
    keys = (cluster.cast(pl.String).alias("cluster"), time.value.alias("timestamp"), ROW)
    first_bad = [
        pl.col(ROW).filter(pl.col(f"fault_{index}")).min().alias(f"row_{index}") for index in range(len(every))
    ]
    with reading(file):
        found = (
            frame.with_row_index(ROW, offset=1)
            .select(*keys, *bad)
            .group_by("cluster")
            .agg(
                pl.len(), pl.col("timestamp").min().alias("first"), pl.col("timestamp").max().alias("last"), *first_bad
            )
            .sort("cluster")
            .collect(engine="streaming")
        )
    if found.is_empty():
        raise InputError(f"{file.label} has a header but no rows.")
    rows = [found[f"row_{index}"].min() for index in range(len(every))]
    _refuse_first(file, frame, time, [(int(str(row)), fault) for row, fault in zip(rows, every, strict=True) if row])
    return {
        name: Extent(count, first, last)
        for name, count, first, last in found.select("cluster", "len", "first", "last").iter_rows()
    }


def _refuse_first(file: TraceFile, frame: pl.LazyFrame, time: TimestampPlan, bad: Sequence[tuple[int, Fault]]) -> None:
    if not bad:
        return
    row, fault = min(bad, key=lambda pair: pair[0])
    # The physical form of a time: Polars cannot write one that is thousands of years off.
    value = pl.col(fault.column).to_physical().cast(pl.String, strict=False)
    with reading(file):
        found, seconds = (
            frame.slice(row - 1, 1).select(value.alias("value"), time.seconds.alias("seconds")).collect().row(0)
        )
    hint = unit_hint(seconds) if fault.reason == IMPLAUSIBLE else ""
    if time.form == "typed" and fault.column == time.column and found is not None:
        found = _written(seconds)
    what = "the value" if found is None else repr(found)
    raise InputError(f"{file.label}, column {fault.column.strip()}, row {row}: {what} {fault.reason}{hint}.")


def _written(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError):
        return f"{seconds:g} seconds after 1970"
