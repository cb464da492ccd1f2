"""Recorded telemetry as a source: tidy or long-form files, Parquet or CSV, a folder of them, or a Bitbrains folder.

Opening reads every file once and refuses the whole trace for the first row that cannot be understood, so nothing is
half-ingested. Reading is lazy: of a file only the asked range is kept in memory.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import polars as pl

from cloud_optimizer.core.contracts import SAMPLE_SCHEMA
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.validation.cadence import detect_cadence
from cloud_optimizer.resources.telemetry.base import covering_midnights
from cloud_optimizer.resources.telemetry.bitbrains import bitbrains_files
from cloud_optimizer.resources.telemetry.files import TraceFile, find_files, reading, scan_file
from cloud_optimizer.resources.telemetry.inspection import Extent
from cloud_optimizer.resources.telemetry.long_form import LongFile, is_long_form
from cloud_optimizer.resources.telemetry.tidy import TidyFile

CADENCE_ROWS = 200_000
"""Rows from which the cadence of a cluster is found."""
CADENCE_FILES = 20


class CheckedFile(Protocol):
    """A file that was checked as a whole and can be read by range."""

    @property
    def extents(self) -> Mapping[str, Extent]:
        """What it holds, by cluster."""

    def rows(self, cluster: str, start: datetime, end: datetime) -> pl.LazyFrame:
        """Return samples of [start, end) in SAMPLE_SCHEMA."""

    def notes(self) -> tuple[str, ...]:
        """Return what the mapping did."""


class TraceSource:
    """Reads recorded telemetry.

    Args:
        path: A file or a folder.
        cluster: Name of the cluster, for files that have no column for it; the name of the file or folder by default.

    Raises:
        InputError: Something in the trace cannot be used; one sentence names the file, the column and the row.
    """

    name = "trace"

    def __init__(self, path: Path, *, cluster: str | None = None) -> None:
        self._given = cluster
        files = bitbrains_files(path) or find_files(path)
        default = cluster or (files[0].stem if path.is_file() else path.resolve().name)
        self._files = [(file, _check(file, default)) for file in files]

    def clusters(self) -> tuple[str, ...]:
        """Return the clusters of all files, sorted."""
        return tuple(sorted({name for _, opened in self._files for name in opened.extents}))

    def extent(self, cluster: str) -> tuple[datetime, datetime]:
        """Return the UTC midnights around the cluster's samples."""
        extents = [opened.extents[cluster] for _, opened in self._of(cluster)]
        return covering_midnights(min(extent.first for extent in extents), max(extent.last for extent in extents))

    def cadence(self, cluster: str) -> timedelta:
        """Return the grid step that core.validation finds in the first rows of the cluster."""
        files = self._of(cluster)[:CADENCE_FILES]
        start, end = self.extent(cluster)
        keys = [
            self._collect(file, opened.rows(cluster, start, end).select("workload_id", "timestamp").head(rows))
            for (file, opened), rows in zip(files, [CADENCE_ROWS // len(files)] * len(files), strict=True)
        ]
        return detect_cadence(pl.concat(keys)).step

    def read(self, cluster: str, start: datetime, end: datetime) -> pl.DataFrame:
        """Return the samples of [start, end) as received, file by file in the order of the rows."""
        parts = [
            self._collect(file, opened.rows(cluster, start, end))
            for file, opened in self._of(cluster)
            if opened.extents[cluster].first < end and opened.extents[cluster].last >= start
        ]
        return pl.concat(parts) if parts else SAMPLE_SCHEMA.to_frame()

    def notes(self, cluster: str) -> tuple[str, ...]:
        """Return what the mapping did, each remark once."""
        notes = _unique(note for _, opened in self._of(cluster) for note in opened.notes())
        if self._given is not None and cluster != self._given:
            return (*notes, f"the name {self._given} is not used: the file has a column for the cluster")
        return notes

    def _of(self, cluster: str) -> list[tuple[TraceFile, CheckedFile]]:
        files = [(file, opened) for file, opened in self._files if cluster in opened.extents]
        if not files:
            raise InputError(f"The trace has no cluster {cluster!r}, it has {', '.join(self.clusters())}.")
        return files

    @staticmethod
    def _collect(file: TraceFile, frame: pl.LazyFrame) -> pl.DataFrame:
        with reading(file):
            return frame.collect(engine="streaming")


def _check(file: TraceFile, cluster: str) -> CheckedFile:
    frame = scan_file(file)
    form = LongFile if is_long_form(frame.collect_schema().names()) else TidyFile
    return form(file, frame, cluster)


def _unique(notes: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(notes))
