"""Offline features: Parquet by cluster and day, read by range, as a panel or as of given times."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from cloud_optimizer.core.contracts import HOUR, KEY_SCHEMA, UTC_TIMESTAMP
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.features.registry import FEATURES
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.resources.parquet import partition_path, partition_paths, write_parquet

FEATURE_NAMES: Final = tuple(spec.name for spec in FEATURES)

FEATURE_SCHEMA: Final = pl.Schema(
    {**KEY_SCHEMA, "event_timestamp": UTC_TIMESTAMP, **dict.fromkeys(FEATURE_NAMES, pl.Float32())}
)
"""One feature row; `event_timestamp` is when it became known."""

FRESHNESS: Final = timedelta(days=2)
"""Age beyond which a row no longer stands for a workload: daily partitions are up to a day old before the next."""

_COUNTED: Final = ("observed_fraction", "off_fraction")  # 0, not unknown, where nothing was observed


class OfflineFeatures:
    """The Parquet feature rows under one folder.

    Args:
        root: Folder that holds `<cluster>/<date>.parquet`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, cluster: str, frame: pl.DataFrame, days: Collection[date] = ()) -> list[Path]:
        """Replace the days of the frame, one file a day; return the files.

        Args:
            cluster: Cluster of every row.
            frame: Rows in `FEATURE_SCHEMA`.
            days: Days to replace even where the frame has no row of them: their old rows go.

        Raises:
            ValueError: The frame holds another cluster or lacks a column.
        """
        if not frame["cluster"].eq(cluster).all():
            raise ValueError(f"feature rows of another cluster among those of {cluster!r}")
        rows = frame.select(FEATURE_SCHEMA.names()).cast(FEATURE_SCHEMA).sort("workload_id", "timestamp")
        by_day = rows.group_by(pl.col("timestamp").dt.date()).__iter__()
        parts = {key[0]: part for key, part in by_day if isinstance(key[0], date)}
        for day in set(days) - set(parts):
            partition_path(self.root, cluster, day).unlink(missing_ok=True)
        paths = {day: partition_path(self.root, cluster, day) for day in sorted(parts)}
        for day, path in paths.items():
            write_parquet(parts[day], path)
        return list(paths.values())

    def scan(self, cluster: str, start: datetime, end: datetime) -> pl.LazyFrame:
        """Return the rows of [start, end) as a lazy frame in `FEATURE_SCHEMA`; empty where nothing was written.

        A feature that an older file lacks is null.
        """
        last = end - timedelta(microseconds=1)
        paths = partition_paths(self.root, cluster, start.date(), last.date()) if end > start else []
        if not paths:
            return FEATURE_SCHEMA.to_frame().lazy()
        frame = pl.scan_parquet(
            paths, schema=FEATURE_SCHEMA, glob=False, missing_columns="insert", extra_columns="ignore"
        )
        return frame.filter(pl.col("timestamp").is_between(start, end, closed="left"))

    def read(self, cluster: str, start: datetime, end: datetime, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the rows of [start, end), keys first, sorted by workload and time; only `columns` are read."""
        names = [*KEY_SCHEMA, "event_timestamp", *(FEATURE_NAMES if columns is None else columns)]
        return self.scan(cluster, start, end).select(names).collect().sort("workload_id", "timestamp")

    def panel(self, cluster: str, start: datetime, end: datetime, columns: Sequence[str]) -> Panel:
        """Return columns of [start, end) in the dense layout; where no row was written they are NaN.

        The length of an interval is that of the stored rows, an hour where there are none.
        """
        frame = self.read(cluster, start, end, columns)
        step = frame["event_timestamp"][0] - frame["timestamp"][0] if frame.height else HOUR
        panel = Panel.from_frame(frame, columns, start, end, step)
        counted = {name: np.nan_to_num(panel[name], nan=0.0) for name in _COUNTED if name in panel.columns}
        return panel.with_columns(counted)

    def training_set(
        self, entities: pl.DataFrame, columns: Sequence[str], freshness: timedelta = FRESHNESS
    ) -> pl.DataFrame:
        """Join to each entity the newest row that was known at its time.

        Args:
            entities: cluster, workload_id, event_timestamp and whatever else is to be kept, in any order.
            columns: Features to join.
            freshness: Rows older than this are not joined; the features are null then.

        Returns:
            The entities in their order with `columns` added: the answer of Feast's `get_historical_features`.
        """
        missing = {"cluster", "workload_id", "event_timestamp"} - set(entities.columns)
        if missing:
            raise InputError(f"the entity frame lacks {', '.join(sorted(missing))}")
        asked = entities.with_row_index("__position").with_columns(pl.col("event_timestamp").cast(UTC_TIMESTAMP))
        joined = [self._as_of(part, str(key[0]), columns, freshness) for key, part in asked.group_by("cluster")]
        if not joined:
            return entities.with_columns(pl.lit(None, pl.Float32).alias(name) for name in columns)
        return pl.concat(joined).sort("__position").drop("__position")

    def _as_of(
        self, entities: pl.DataFrame, cluster: str, columns: Sequence[str], freshness: timedelta
    ) -> pl.DataFrame:
        first, last = entities.select(pl.min("event_timestamp"), pl.max("event_timestamp").alias("last")).row(0)
        rows = self.read(cluster, first - freshness - timedelta(days=1), last, columns)
        known = rows.select("workload_id", "event_timestamp", *columns).sort("event_timestamp")
        return entities.sort("event_timestamp").join_asof(
            known, on="event_timestamp", by="workload_id", tolerance=freshness, check_sortedness=False
        )
