"""What every telemetry source offers. A source reads; it never judges, repairs or drops a row."""

from datetime import UTC, datetime, time, timedelta
from typing import Protocol, runtime_checkable

import polars as pl

from cloud_optimizer.core.contracts import DAY


class TelemetrySource(Protocol):
    """Somewhere samples can be read from.

    Everything that can be checked is checked when the source is opened, so that `read` does not fail halfway.
    """

    @property
    def name(self) -> str:
        """Short name of the kind of source, as in `simulator`."""

    def clusters(self) -> tuple[str, ...]:
        """Return the clusters it holds."""

    def extent(self, cluster: str) -> tuple[datetime, datetime]:
        """Return the UTC midnights [start, end) that cover every sample of a cluster."""

    def cadence(self, cluster: str) -> timedelta:
        """Return the usual time between two samples of a workload."""

    def read(self, cluster: str, start: datetime, end: datetime) -> pl.DataFrame:
        """Return the samples of [start, end) in contracts.SAMPLE_SCHEMA, as received.

        Duplicates, zeros, rows of workloads that are off and nonsense values are kept; a workload's rows keep their
        order.

        Raises:
            InputError: The source has no such cluster or can no longer be read.
        """

    def notes(self, cluster: str) -> tuple[str, ...]:
        """Return what a person should know about the reading: columns not used, conversions, assumptions."""


@runtime_checkable
class KnowsWorkloads(Protocol):
    """A source that knows more of its workloads than their telemetry."""

    def facts(self, cluster: str) -> pl.DataFrame:
        """Return `cluster`, `workload_id` and any facts that the warehouse keeps, a row a workload."""


def covering_midnights(first: datetime, last: datetime) -> tuple[datetime, datetime]:
    """Return the UTC midnights [start, end) around the samples from `first` to `last`, both inclusive."""
    return _midnight(first), _midnight(last) + DAY


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC).date(), time(), UTC)
