"""The content of a day's rows as a short text: equal for equal rows, whatever their order, and else another."""

from collections.abc import Iterable
from datetime import date
from hashlib import sha256
from typing import Final

import polars as pl

_DIGITS: Final = 32  # of 64: 128 bits tell any two days apart


def day_versions(days: Iterable[date], *frames: pl.DataFrame) -> dict[date, str]:
    """Return a digest of each day's rows over all frames; a day without rows has one too.

    Rows are hashed by Polars, whose hash is fixed within a version of it: after an upgrade equal rows read as changed
    once. A million rows of 16 columns take 0.15 s.

    Args:
        days: Days to return.
        frames: Rows with a `timestamp`, which says their day.
    """
    digests = {day: sha256() for day in days}
    for position, frame in enumerate(frames):
        rows = frame.select(day=pl.col("timestamp").dt.date(), row=frame.hash_rows()).sort("day", "row")
        for (day,), part in rows.partition_by("day", as_dict=True, include_key=False).items():
            digests[day].update(position.to_bytes())
            digests[day].update(part["row"].to_numpy().tobytes())
    return {day: digest.hexdigest()[:_DIGITS] for day, digest in digests.items()}
