"""Offline features: Parquet by cluster and day, read by range, as a panel or as of given times."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from cloud_optimizer.core.contracts import HOUR, KEY_SCHEMA, UTC_TIMESTAMP
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.features.on_demand import (
    INTERACTION_NAMES,
    INTERACTION_SOURCES,
    TARGET_TIMESTAMP,
    interactions,
    stored_names,
    target_time_features,
)
from cloud_optimizer.core.features.registry import FEATURES
from cloud_optimizer.core.features.views import TARGET_TIME, VIEW_OF
from cloud_optimizer.core.panel import FloatArray, Panel
from cloud_optimizer.resources.parquet import held_open, partition_path, partition_paths, write_parquet

FEATURE_NAMES: Final = tuple(spec.name for spec in FEATURES)

FEATURE_SCHEMA: Final = pl.Schema(
    {**KEY_SCHEMA, "event_timestamp": UTC_TIMESTAMP, **dict.fromkeys(FEATURE_NAMES, pl.Float32())}
)
"""One feature row; `event_timestamp` is when it became known."""

FRESHNESS: Final = timedelta(days=2)
"""Age beyond which a row no longer stands for a workload: daily partitions are up to a day old before the next."""

WORKLOAD_FOLDER, CLUSTER_FOLDER = "workloads", "clusters"
"""Folders under the root: every row, and once per cluster and interval what is the same for all its workloads."""

CLUSTER_SCHEMA: Final = pl.Schema(
    {
        **{name: FEATURE_SCHEMA[name] for name in ("cluster", "timestamp", "event_timestamp")},
        **{name: pl.Float32() for name in FEATURE_NAMES if VIEW_OF[name] == "cluster_features"},
    }
)
"""What all workloads of a cluster share in an interval."""

_OPEN_FILES: Final = 256  # at once: a process may hold 1024
_COUNTED: Final = ("observed_fraction", "off_fraction")  # 0, not unknown, where nothing was observed


class OfflineFeatures:
    """The Parquet feature rows under one folder.

    Args:
        root: Folder that holds `workloads/<cluster>/<date>.parquet`, and the same under `clusters` for Feast.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._workloads, self._clusters = root / WORKLOAD_FOLDER, root / CLUSTER_FOLDER

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
        dated = rows.with_columns(pl.col("timestamp").dt.date().alias("day"))
        parts = {part["timestamp"][0].date(): part for part in dated.partition_by("day", include_key=False)}
        for emptied in set(days) - set(parts):
            for root in (self._workloads, self._clusters):
                partition_path(root, cluster, emptied).unlink(missing_ok=True)
        for written, part in sorted(parts.items(), key=itemgetter(0)):
            shared = part.select(CLUSTER_SCHEMA.names()).unique("timestamp", maintain_order=True).sort("timestamp")
            write_parquet(shared, partition_path(self._clusters, cluster, written))
            write_parquet(part, partition_path(self._workloads, cluster, written))
        return [partition_path(self._workloads, cluster, written) for written in sorted(parts)]

    def read(self, cluster: str, start: datetime, end: datetime, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the rows of [start, end), keys first, sorted by workload and time; only `columns` are read.

        Where nothing was written the frame is empty; a feature that an older file lacks is null.
        """
        names = [*KEY_SCHEMA, "event_timestamp", *(FEATURE_NAMES if columns is None else columns)]
        frame = _read(self._workloads, FEATURE_SCHEMA, cluster, start, end, names)
        return frame.sort("workload_id", "timestamp")

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
        """Join to each entity the newest row that was known at its time, and the newest of its cluster.

        Interactions are computed from what was joined, as they are online.

        Args:
            entities: cluster, workload_id, event_timestamp and whatever else is to be kept, in any order;
                target_timestamp too where features of the target time are asked for.
            columns: Features to join.
            freshness: Rows older than this are not joined; the features are null then.

        Returns:
            The entities in their order with `columns` added: the answer of Feast's `get_historical_features`.
        """
        needed = {"cluster", "workload_id", "event_timestamp"}
        needed |= set() if TARGET_TIME.keys().isdisjoint(columns) else {TARGET_TIMESTAMP}
        if missing := needed - set(entities.columns):
            raise InputError(f"the entity frame lacks {', '.join(sorted(missing))}")
        stored = stored_names(tuple(columns))
        asked = entities.with_row_index("__position").with_columns(pl.col("event_timestamp").cast(UTC_TIMESTAMP))
        joined = [self._as_of(part, str(key[0]), stored, freshness) for key, part in asked.group_by("cluster")]
        unknown = [pl.lit(None, pl.Float32).alias(name) for name in stored]
        rows = pl.concat(joined) if joined else asked.with_columns(unknown)
        return rows.with_columns(_on_demand(rows, columns)).sort("__position").select(*entities.columns, *columns)

    def _as_of(
        self, entities: pl.DataFrame, cluster: str, columns: Sequence[str], freshness: timedelta
    ) -> pl.DataFrame:
        first, last = entities.select(pl.min("event_timestamp"), pl.max("event_timestamp").alias("last")).row(0)
        start, end = first - freshness - HOUR, last  # a row becomes known at most an hour after its label
        shared = [name for name in columns if name in CLUSTER_SCHEMA]
        own = [name for name in columns if name not in CLUSTER_SCHEMA]
        rows = self.read(cluster, start, end, own).select("workload_id", "event_timestamp", *own)
        common = _read(self._clusters, CLUSTER_SCHEMA, cluster, start, end, ["event_timestamp", *shared])
        ordered = entities.sort("event_timestamp")
        join = partial(pl.DataFrame.join_asof, on="event_timestamp", tolerance=freshness, check_sortedness=False)
        known = join(ordered, rows.sort("event_timestamp"), by="workload_id")
        return join(known, common.sort("event_timestamp"))


def _on_demand(rows: pl.DataFrame, columns: Sequence[str]) -> list[pl.Series]:
    """Return the asked features that are computed from the joined row, as Feast computes them."""
    computed: dict[str, FloatArray] = {}
    if not INTERACTION_NAMES.isdisjoint(columns):
        computed |= interactions({name: rows[name].to_numpy() for name in INTERACTION_SOURCES})
    if not TARGET_TIME.keys().isdisjoint(columns):
        computed |= target_time_features(rows[TARGET_TIMESTAMP].dt.cast_time_unit("us").to_numpy())
    return [pl.Series(name, computed[name], nan_to_null=True) for name in columns if name in computed]


def _read(
    root: Path, schema: pl.Schema, cluster: str, start: datetime, end: datetime, columns: Sequence[str]
) -> pl.DataFrame:
    """Return some columns of `schema` of the rows of [start, end), file by file."""
    last = end - timedelta(microseconds=1)
    paths = partition_paths(root, cluster, start.date(), last.date()) if end > start else []
    inside = pl.col("timestamp").is_between(start, end, closed="left")
    parts = [schema.to_frame().select(columns)]
    for low in range(0, len(paths), _OPEN_FILES):
        with held_open(paths[low : low + _OPEN_FILES]) as files:
            if files:
                rows = pl.scan_parquet(files, schema=schema, missing_columns="insert", extra_columns="ignore")
                parts.append(rows.filter(inside).select(columns).collect())
    return pl.concat(parts)
