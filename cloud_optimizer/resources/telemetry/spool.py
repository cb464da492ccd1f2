"""Slices of telemetry that were fetched, kept on disk so that a broken read goes on where it stopped."""

from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import polars as pl

from cloud_optimizer.core.errors import CloudOptimizerError


class SliceSpool:
    """A folder of slices. It may be deleted at any time: what is missing is fetched again.

    Args:
        folder: Where the slices are; made on first use.
        identity: Everything that determines what a slice holds besides its time: server, queries, step.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self._folder = folder / sha256(identity.encode()).hexdigest()[:32]

    def load(self, start: datetime, end: datetime) -> pl.DataFrame | None:
        """Return a kept slice, or None; a file that cannot be read is as good as none."""
        path = self._path(start, end)
        if not path.is_file():
            return None
        try:
            return pl.read_parquet(path, glob=False)
        except (pl.exceptions.PolarsError, OSError):
            path.unlink(missing_ok=True)
            return None

    def save(self, start: datetime, end: datetime, samples: pl.DataFrame) -> None:
        """Keep a complete slice; readers see the whole file or none.

        Raises:
            CloudOptimizerError: The folder cannot be written.
        """
        path = self._path(start, end)
        unfinished = path.with_suffix(f".{uuid4().hex}.tmp")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            samples.write_parquet(unfinished, compression="zstd")
            unfinished.replace(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            with suppress(OSError):
                unfinished.unlink()
            raise CloudOptimizerError(
                f"The slices cannot be kept in {self._folder} ({error}): free space or name another folder."
            ) from error

    def _path(self, start: datetime, end: datetime) -> Path:
        return self._folder / f"{start:%Y%m%dT%H%M%S}-{end:%Y%m%dT%H%M%S}.parquet"
