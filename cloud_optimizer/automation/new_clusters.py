"""New clusters: what telemetry names becomes partitions, and its history is ingested until there is a champion.

The first training follows from automation.sensors as soon as there is enough history; from then on schedules decide.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from dagster import (
    AssetKey,
    DefaultSensorStatus,
    ResourceParam,
    RunRequest,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from cloud_optimizer.automation.jobs import ingestion_job
from cloud_optimizer.automation.schedules import first_champions
from cloud_optimizer.core.clock import Clock
from cloud_optimizer.partitions import CLUSTERS, DAYS, Slice, partition_key, slices
from cloud_optimizer.resources.telemetry.catalog import RegisteredSource, SourceCatalog
from cloud_optimizer.resources.telemetry.live import refresh

LAST_INGESTED = AssetKey("workload_features")
TRIES_A_DAY = 3


@sensor(
    job=ingestion_job,
    minimum_interval_seconds=900,
    default_status=DefaultSensorStatus.RUNNING,
    description="Adds clusters that appear in the telemetry as partitions and ingests their history.",
)
def new_clusters(
    context: SensorEvaluationContext, telemetry: ResourceParam[SourceCatalog], clock: ResourceParam[Clock]
) -> SensorResult:
    """Look at live sources again, add what is new, and request the missing days of clusters without a champion."""
    troubles = refresh(telemetry)
    for words in troubles:
        context.log.warning(words)
    entries = telemetry.entries()
    known = set(context.instance.get_dynamic_partitions("cluster"))
    names = [entry.cluster for entry in entries if entry.cluster not in known]
    champions = first_champions(context.instance)
    done = context.instance.get_materialized_partitions(LAST_INGESTED)
    now = clock()
    requests = [
        _request(part, now)
        for entry in entries
        if entry.cluster not in champions
        for part in missing_history(entry, now.date(), done)
    ]
    words = " ".join(troubles) or "every cluster of the telemetry is known and ingested"
    skip = None if requests or names else SkipReason(words)
    return SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[CLUSTERS.build_add_request(names)] if names else [],
        skip_reason=skip,
    )


def missing_history(entry: RegisteredSource, today: date, done: Collection[str]) -> list[Slice]:
    """Return the complete days of a cluster that were not ingested, as the fewest slices."""
    first = max(entry.first_sample.date(), DAYS.start.date())
    end = min(entry.end_sample.date(), today)
    days = (first + timedelta(days=n) for n in range((end - first).days))
    return slices(key for key in (partition_key(entry.cluster, day) for day in days) if str(key) not in done)


def _request(part: Slice, now: datetime) -> RunRequest:
    """One run for all days; the run key bounds the tries."""
    first, last = str(part.key(part.first)), str(part.key(part.last))
    return RunRequest(
        run_key=f"history {first} {last} {now:%Y-%m-%d} {now.hour // (24 // TRIES_A_DAY)}",
        tags={ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last},
    )
