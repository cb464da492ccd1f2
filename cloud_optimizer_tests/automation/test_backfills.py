"""How a backfill is cut into runs: one a cluster, or chunks of a bounded number of days."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster import AssetExecutionContext, AssetKey, DagsterInstance, Definitions, asset, materialize
from dagster._core.definitions.automation_tick_evaluation_context import build_run_requests_with_backfill_policies
from dagster._core.definitions.events import AssetKeyPartitionKey
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.execution.asset_backfill import AssetBackfillData
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from cloud_optimizer.core.features.registry import WARMUP
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.partitions import DAYS, PARTITIONS, Slice, backfill_policy, partition_key, slices, slices_of
from cloud_optimizer.settings import Settings

FIRST = DAYS.start.date()
FEATURES = AssetKey("workload_features")
pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")  # as in cloud_optimizer.partitions


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("cluster", ["batch", "web"])
        yield instance


def runs_of(instance: DagsterInstance, chunk: int | None, days: int) -> list[tuple[str, str]]:
    """Return the ranges of the runs that a backfill of both clusters over the first days leads to."""

    @asset(partitions_def=PARTITIONS, backfill_policy=backfill_policy(chunk))
    def anything() -> None: ...

    graph = Definitions([anything]).get_repository_def().asset_graph
    keys = [partition_key(cluster, FIRST + timedelta(days=n)) for cluster in ("batch", "web") for n in range(days)]
    asked = [AssetKeyPartitionKey(AssetKey("anything"), str(key)) for key in keys]
    with partition_loading_context(dynamic_partitions_store=instance):
        requests = build_run_requests_with_backfill_policies(asked, graph, instance)
    return sorted((r.tags[ASSET_PARTITION_RANGE_START_TAG], r.tags[ASSET_PARTITION_RANGE_END_TAG]) for r in requests)


def test_by_default_a_backfill_is_one_run_a_cluster(instance: DagsterInstance) -> None:
    assert len(runs_of(instance, None, 7)) == 2


@pytest.mark.parametrize("chunk", [1, 3, 7, 50])
def test_chunks_cover_every_partition_once_and_none_is_larger_than_asked(instance: DagsterInstance, chunk: int) -> None:
    ranges = runs_of(instance, chunk, 7)
    assert len(ranges) == 2 * -(-7 // chunk)
    covered = []
    for first, last in ranges:
        part = joined(first, last)
        days = list(part.days)
        assert len(days) <= chunk
        covered += [str(part.key(day)) for day in days]
    wanted = [str(partition_key(c, FIRST + timedelta(days=n))) for c in ("batch", "web") for n in range(7)]
    assert sorted(covered) == wanted


def joined(first: str, last: str) -> Slice:
    (start,), (end,) = slices([first]), slices([last])
    assert start.cluster == end.cluster
    return Slice(start.cluster, start.first, end.last)


@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources`:DeprecationWarning")  # Dagster asks itself
@pytest.mark.parametrize(("together", "after"), [(True, WARMUP.days), (False, 0)])
def test_features_of_the_days_that_look_back_at_older_ingestion_are_made_again_with_it(
    instance: DagsterInstance, tmp_path: Path, together: bool, after: int
) -> None:
    graph = build_defs(Settings(home=tmp_path)).resolve_asset_graph()
    part = Slice("web", FIRST + timedelta(days=30), FIRST + timedelta(days=34))
    ingestion = ["raw_workload_metrics", "workload_metrics", "quarantined_metrics"]
    now = datetime.now(UTC)
    with partition_loading_context(now, dynamic_partitions_store=instance):
        plan = AssetBackfillData.from_asset_partitions(
            asset_graph=graph,
            partition_names=[str(part.key(day)) for day in part.days],
            asset_selection=[AssetKey(name) for name in [*(ingestion if together else []), "workload_features"]],
            dynamic_partitions_store=instance,
            all_partitions=False,
            backfill_start_timestamp=now.timestamp(),
        )
        asked = [
            str(key.partition_key) for key in plan.target_subset.iterate_asset_partitions() if key.asset_key == FEATURES
        ]
    assert slices(asked) == [Slice("web", part.first, part.last + timedelta(days=after))]


def test_a_range_run_longer_than_a_chunk_still_works_on_the_slice_at_once(instance: DagsterInstance) -> None:
    seen = []

    @asset(partitions_def=PARTITIONS, backfill_policy=backfill_policy(2))
    def anything(context: AssetExecutionContext) -> None:
        seen.extend(slices_of(context))

    first, last = partition_key("web", FIRST), partition_key("web", FIRST + timedelta(days=4))
    tags = {ASSET_PARTITION_RANGE_START_TAG: str(first), ASSET_PARTITION_RANGE_END_TAG: str(last)}
    assert materialize([anything], instance=instance, tags=tags).success
    assert [(part.first, part.last) for part in seen] == [(FIRST, FIRST + timedelta(days=4))]
