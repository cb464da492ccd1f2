"""Data versions of partitions: a partition says what it holds, so that equal content makes nothing out of date."""

from collections.abc import Iterator, Mapping
from hashlib import sha256

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetRecordsFilter,
    DataVersion,
    MaterializeResult,
    MultiPartitionKey,
)
from dagster._core.definitions.data_version import DATA_VERSION_TAG

Versions = Mapping[MultiPartitionKey, str]


def versioned(context: AssetExecutionContext, asset: str, versions: Versions) -> Iterator[MaterializeResult]:
    """Yield the result of an asset and give each of its partitions its own data version.

    Dagster stores one version for all partitions of a run. So the materializations of a run of several are recorded
    again, each with its own version. A run that dies in between leaves the version of the whole run, which differs from
    any partition's: what reads them is then out of date, never wrongly fresh.

    Args:
        context: Of the running asset.
        asset: Which asset; each partition of the run has its version.
        versions: Version of each partition.
    """
    if len(versions) == 1:
        yield MaterializeResult(asset, data_version=DataVersion(next(iter(versions.values()))))
        return
    yield MaterializeResult(asset, data_version=DataVersion(_digest(versions)))
    by_key = {str(key): version for key, version in versions.items()}
    own = AssetRecordsFilter(AssetKey(asset), asset_partitions=list(by_key))
    records = context.instance.fetch_materializations(own, limit=len(by_key)).records
    events = {str(event.partition): event for event in (record.asset_materialization for record in records) if event}
    for key in sorted(events):  # the last day last: it is the one that the UI shows of the asset
        event = events[key]
        tags = {**(event.tags or {}), DATA_VERSION_TAG: by_key[key]}
        context.log_event(AssetMaterialization(event.asset_key, None, event.metadata, event.partition, tags))


def _digest(versions: Versions) -> str:
    return sha256("\0".join(sorted(versions.values())).encode()).hexdigest()
