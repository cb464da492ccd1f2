"""The one partition scheme of the graph: `date` (daily, UTC) x `cluster` (dynamic), and slices of it.

A run may hold one partition or a rectangle of them. Assets do not loop over partition keys; they work on slices.
"""

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby

from dagster import (
    AssetExecutionContext,
    BackfillPolicy,
    BetaWarning,
    DailyPartitionsDefinition,
    DimensionPartitionMapping,
    DynamicPartitionsDefinition,
    IdentityPartitionMapping,
    MultiPartitionKey,
    MultiPartitionMapping,
    MultiPartitionsDefinition,
    PartitionMapping,
    TimeWindowPartitionMapping,
)

from cloud_optimizer.settings import Settings

# single-run backfills and partition mappings of several dimensions are marked beta; versions are pinned
warnings.filterwarnings("ignore", category=BetaWarning)


def backfill_policy(days: int | None) -> BackfillPolicy:
    """Return how backfills are cut: chunks of so many days of a cluster, or one run."""
    return BackfillPolicy.single_run() if days is None else BackfillPolicy.multi_run(days)


def _same_cluster(dates: PartitionMapping) -> MultiPartitionMapping:
    """Return the mapping from partitions of a cluster to those of it that `dates` says."""
    return MultiPartitionMapping(
        {
            "cluster": DimensionPartitionMapping("cluster", IdentityPartitionMapping()),
            "date": DimensionPartitionMapping("date", dates),
        }
    )


CLUSTERS = DynamicPartitionsDefinition(name="cluster")
DAYS = DailyPartitionsDefinition(start_date=Settings().first_day.isoformat())
PARTITIONS = MultiPartitionsDefinition({"cluster": CLUSTERS, "date": DAYS})

# 90 partitions take 0.4 s of orchestration in one run and 800 s in 90 runs
BACKFILL_POLICY = backfill_policy(Settings().backfill_days)

PREVIOUS_DAY = _same_cluster(TimeWindowPartitionMapping(start_offset=-1, end_offset=-1))


def days_before(days: int) -> MultiPartitionMapping:
    """Return the mapping of what looks back: to the same day and so many before it, of the same cluster."""
    return _same_cluster(TimeWindowPartitionMapping(-days, allow_nonexistent_upstream_partitions=True))


def partition_key(cluster: str, day: date) -> MultiPartitionKey:
    """Return the key of one partition."""
    return MultiPartitionKey({"cluster": cluster, "date": day.isoformat()})


def midnight(day: date) -> datetime:
    """Return the instant at which a UTC day starts."""
    return datetime.combine(day, time(), UTC)


@dataclass(frozen=True)
class Slice:
    """Consecutive days of one cluster, [first, last], worked on at once."""

    cluster: str
    first: date
    last: date

    @property
    def start(self) -> datetime:
        """First instant of the slice."""
        return midnight(self.first)

    @property
    def next_day(self) -> date:
        """Day after the slice."""
        return self.last + timedelta(days=1)

    @property
    def end(self) -> datetime:
        """First instant after the slice."""
        return midnight(self.next_day)

    @property
    def days(self) -> Iterator[date]:
        """The days, in order."""
        return (self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))

    def key(self, day: date) -> MultiPartitionKey:
        """Return the partition key of one of the days."""
        return partition_key(self.cluster, day)

    def pieces(self, days: int | None) -> Iterator["Slice"]:
        """Return the slice in pieces of at most so many days; None leaves it whole."""
        length = (self.last - self.first).days + 1
        step = timedelta(days=days or length)
        for first in (self.first + step * n for n in range(-(-length // step.days))):
            yield Slice(self.cluster, first, min(first + step - timedelta(days=1), self.last))


def slices(keys: Iterable[str]) -> list[Slice]:
    """Group partition keys into the fewest runs of consecutive days per cluster."""
    parts = sorted(
        (key.keys_by_dimension["cluster"], date.fromisoformat(key.keys_by_dimension["date"]))
        for key in map(_multi, keys)
    )
    result = []
    for _, group in groupby(enumerate(parts), key=lambda item: (item[1][0], item[1][1].toordinal() - item[0])):
        run = [part for _, part in group]
        result.append(Slice(run[0][0], run[0][1], run[-1][1]))
    return result


def slices_of(context: AssetExecutionContext) -> list[Slice]:
    """Return the slices that the run was asked for."""
    return slices(context.partition_keys)


def _multi(key: str) -> MultiPartitionKey:
    return key if isinstance(key, MultiPartitionKey) else PARTITIONS.get_partition_key_from_str(key)
