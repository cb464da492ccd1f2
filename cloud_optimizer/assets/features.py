"""Features: one row per workload and hour, offline in Parquet and online in Feast's store."""

from collections.abc import Iterator
from datetime import timedelta

from dagster import AssetDep, AssetExecutionContext, MaterializeResult, ResourceParam, asset

from cloud_optimizer.assets.graph import MODEL_OWNERS, partitioned
from cloud_optimizer.assets.patience import waits_for_services
from cloud_optimizer.assets.tables import rows_by_day, table_head, table_schema, tell_of_slice
from cloud_optimizer.assets.versions import versioned
from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.features.build import feature_frame
from cloud_optimizer.core.features.registry import FEATURES, WARMUP
from cloud_optimizer.core.rollup import panel_from_rollup
from cloud_optimizer.core.versions import day_versions
from cloud_optimizer.partitions import days_before, slices_of
from cloud_optimizer.resources.feature_store import FeatureStore
from cloud_optimizer.resources.feature_store.offline import FEATURE_SCHEMA
from cloud_optimizer.resources.warehouse import HOURS, Warehouse

DESCRIPTIONS = {spec.name: f"{spec.description} Unit: {spec.unit}." for spec in FEATURES}
ONLINE_LOOKBACK = timedelta(days=7)


@asset(
    **partitioned("features", {"polars", "parquet"}, MODEL_OWNERS),
    deps=[AssetDep("workload_metrics", partition_mapping=days_before(WARMUP.days))],
    metadata={"dagster/column_schema": table_schema(FEATURE_SCHEMA, DESCRIPTIONS)},
    description=f"{len(FEATURES)} features a workload and hour, each computed from that hour and earlier ones only.",
)
@waits_for_services
def workload_features(
    context: AssetExecutionContext, warehouse: ResourceParam[Warehouse], feature_store: ResourceParam[FeatureStore]
) -> Iterator[MaterializeResult]:
    """Build the rows of every slice from the roll-up, with the longest window of history before it."""
    versions = {}
    for part in slices_of(context):
        begin = part.start - WARMUP
        hours = warehouse.read(HOURS, part.cluster, begin.date(), part.next_day)
        panel = panel_from_rollup(hours, begin, part.end, HOUR)
        frame = feature_frame(panel, part.cluster, part.start, part.end)
        feature_store.write(part.cluster, frame, days=list(part.days))
        rows_by_day(context, part, frame["timestamp"].dt.date())
        versions |= {part.key(day): text for day, text in day_versions(part.days, frame).items()}
        facts = {"rows": frame.height, "features": len(FEATURES), "head": table_head(frame)}
        tell_of_slice(context, part, facts)
    yield from versioned(context, "workload_features", versions)


@asset(
    **partitioned("features", {"feast", "postgres"}, MODEL_OWNERS),
    name="feature_store",
    deps=[workload_features],
    metadata={"dagster/column_schema": table_schema(FEATURE_SCHEMA, DESCRIPTIONS)},
    description="The Feast catalogue over the features, and the newest row of every workload in the online store.",
)
@waits_for_services
def online_features(context: AssetExecutionContext, feature_store: ResourceParam[FeatureStore]) -> MaterializeResult:
    """Apply the definitions where they changed and write the newest rows of every slice to the online store."""
    feature_store.apply()
    for part in slices_of(context):
        recent = feature_store.read(part.cluster, part.end - ONLINE_LOOKBACK, part.end)
        newest = recent.group_by("workload_id", maintain_order=True).last().select(recent.columns)
        written = feature_store.write_online(part.cluster, newest)
        tell_of_slice(context, part, {"online_rows": written, "features": len(FEATURES)})
    return MaterializeResult()
