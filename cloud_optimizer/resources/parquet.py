"""Parquet partitions on disk: one zstd file per cluster and day, replaced in one step. It knows no column."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote
from uuid import uuid4

import polars as pl

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.disk_room import room_expected

_LONGEST_PART: Final = 255  # bytes of a file name on the usual file systems
_KEPT: Final = 180  # bytes that stay readable of a name that is longer


def path_part(name: str) -> str:
    """Return any text as one safe part of a path, different texts as different parts: `eu/a.b` gives `eu%2Fa%2Eb`.

    A text too long for a file name keeps its beginning; its SHA-256 follows after `%%`, which no encoding contains.

    Raises:
        InputError: The name is empty.
    """
    if not name:
        raise InputError("a cluster without a name has no folder: give it a name")
    part = quote(name, safe="").replace(".", "%2E")
    if len(part) <= _LONGEST_PART:
        return part
    return f"{part[:_KEPT]}%%{sha256(name.encode()).hexdigest()}"


def partition_path(root: Path, cluster: str, day: date) -> Path:
    """Return where the rows of one cluster and day lie."""
    return root / path_part(cluster) / f"{day.isoformat()}.parquet"


def partition_paths(root: Path, cluster: str, first: date, last: date) -> list[Path]:
    """Return the files that exist for the days from `first` to `last`, both included, in order."""
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    return [path for day in days if (path := partition_path(root, cluster, day)).is_file()]


@contextmanager
def held_open(paths: Iterable[Path]) -> Iterator[list[IO[bytes]]]:
    """Open files for polars to read; one that was removed meanwhile is left out.

    Given a path polars opens it several times, and would read the columns of one version by the layout of another
    where the file is replaced in between.
    """
    with ExitStack() as stack:
        files: list[IO[bytes]] = []
        for path in paths:
            with suppress(FileNotFoundError):
                files.append(stack.enter_context(path.open("rb")))
        yield files


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """Write the frame under a temporary name, then rename: readers see the old file or the new one, never a part.

    Raises:
        DiskFull: There is no room; the old file stays.
    """
    partial = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    with room_expected(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(frame, partial)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def _write(frame: pl.DataFrame, path: Path) -> None:
    try:
        frame.write_parquet(path, compression="zstd", statistics=True)
    except pl.exceptions.ComputeError:  # of a full disk polars may say "transport error": Python says what it is
        path.write_bytes(bytes(int(frame.estimated_size())))
        raise
