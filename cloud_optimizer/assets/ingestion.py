"""Ingestion: samples as received, day by day and cluster by cluster. Nothing is judged or repaired here."""

from collections.abc import Iterator

from dagster import AssetExecutionContext, MaterializeResult, ResourceParam, asset

from cloud_optimizer.assets.graph import partitioned
from cloud_optimizer.assets.patience import waits_for_services
from cloud_optimizer.assets.tables import rows_by_day, table_head, table_schema, tell_of_slice
from cloud_optimizer.assets.versions import versioned
from cloud_optimizer.core.contracts import SAMPLE_SCHEMA
from cloud_optimizer.core.versions import day_versions
from cloud_optimizer.partitions import slices_of
from cloud_optimizer.resources.telemetry.catalog import SourceCatalog
from cloud_optimizer.resources.warehouse import RAW_SAMPLES, Warehouse


@asset(
    **partitioned("ingestion", {"postgres"}),
    metadata={"dagster/column_schema": table_schema(SAMPLE_SCHEMA)},
    description="Telemetry samples exactly as the source gave them, duplicates and nonsense included.",
)
@waits_for_services
def raw_workload_metrics(
    context: AssetExecutionContext, telemetry: ResourceParam[SourceCatalog], warehouse: ResourceParam[Warehouse]
) -> Iterator[MaterializeResult]:
    """Copy the samples of every slice from its source, replacing what was there."""
    versions = {}
    for part in slices_of(context):
        samples = telemetry.read(part.cluster, part.start, part.end)
        warehouse.replace(part.cluster, part.first, part.next_day, {RAW_SAMPLES: samples})
        rows_by_day(context, part, samples["timestamp"].dt.date())
        versions |= {part.key(day): text for day, text in day_versions(part.days, samples).items()}
        facts = {
            "samples": samples.height,
            "workloads": samples["workload_id"].n_unique(),
            "head": table_head(samples),
        }
        tell_of_slice(context, part, facts)
    yield from versioned(context, "raw_workload_metrics", versions)
