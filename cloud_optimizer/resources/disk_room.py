"""The one error for a disk that is full, whoever met it: Parquet files, losses, artifacts of MLflow."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cloud_optimizer.core.errors import ServiceUnavailable

FULL: Final = {errno.ENOSPC, errno.EDQUOT}
WORDS: Final = ("No space left on device", "Disk quota exceeded")  # of polars, which raises no OSError


class DiskFull(ServiceUnavailable):
    """There was no room to write; what was there stays, and the same may be done again once there is."""


@contextmanager
def room_expected(place: str | Path) -> Iterator[None]:
    """Name the place where a disk turned out to be full.

    Raises:
        DiskFull: The block, or what it called, met a full disk.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, DiskFull) or not _says_full(error):
            raise
        raise DiskFull(f"The disk of {place} is full, nothing was changed: make room, then run this again.") from error


def _says_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    return any(words in str(error) for words in WORDS)
