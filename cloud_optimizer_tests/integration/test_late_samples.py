"""Late and corrected samples on a real instance: exactly what looks at a corrected day is out of date."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from dagster import AssetKey, AssetRecordsFilter, DagsterInstance, JobDefinition, MetadataValue, ResourceDefinition
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest
from polars.testing import assert_frame_equal
from rich.console import Console

from cloud_optimizer.cli.materialize import Materializer
from cloud_optimizer.core.contracts import DAY, HOUR, SAMPLE_SCHEMA
from cloud_optimizer.core.features.registry import WARMUP
from cloud_optimizer.core.validation import Cadence
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.partitions import Slice, midnight
from cloud_optimizer.resources.feature_store import FeatureStore
from cloud_optimizer.resources.telemetry.catalog import RegisteredSource
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.settings import Settings

FIRST = date(2026, 3, 2)
LAST = FIRST + timedelta(days=23)
CORRECTED = FIRST + timedelta(days=5)
EVERYTHING = Slice("web", FIRST, LAST)
INGESTION = ("raw_workload_metrics", "workload_metrics", "quarantined_metrics")


@dataclass
class Telemetry:
    """Hourly samples of three workloads; the usage of a day can be corrected."""

    factors: dict[date, float] = field(default_factory=dict)

    def entry(self, cluster: str) -> RegisteredSource:
        cadence = Cadence(HOUR, regular=True, note="hourly")
        return RegisteredSource(cluster, "trace", {}, midnight(FIRST), midnight(LAST) + DAY, cadence)

    def read(self, cluster: str, start: datetime, end: datetime) -> pl.DataFrame:
        days = Slice(cluster, start.date(), (end - HOUR).date()).days
        return pl.concat([self._day(cluster, day) for day in days])

    def _day(self, cluster: str, day: date) -> pl.DataFrame:
        random = np.random.default_rng(day.toordinal())
        usage = random.uniform(0.5, 2, 72) * self.factors.get(day, 1)
        keys = {
            "cluster": cluster,
            "workload_id": np.repeat(["a", "b", "c"], 24),
            "timestamp": [midnight(day) + hour * HOUR for hour in range(24)] * 3,
        }
        measures = {
            "cpu_usage_cores": usage,
            "cpu_capacity_cores": 8.0,
            "memory_usage_bytes": usage * 1e9,
            "memory_capacity_bytes": 16e9,
        }
        rows = pl.DataFrame({**keys, **measures}, schema_overrides={"timestamp": SAMPLE_SCHEMA["timestamp"]})
        missing = [pl.lit(None, kind).alias(name) for name, kind in SAMPLE_SCHEMA.items() if name not in rows.columns]
        return rows.with_columns(missing).select(SAMPLE_SCHEMA.names()).cast(dict(SAMPLE_SCHEMA))


@dataclass(frozen=True)
class Site:
    """An instance on which features of one cluster or two are kept."""

    instance: DagsterInstance
    graph: JobDefinition
    telemetry: Telemetry
    store: FeatureStore

    def run(self, part: Slice, *assets: str) -> None:
        Materializer(self.graph, self.instance, Console(quiet=True)).run(assets, part, lambda _: None)

    def out_of_date(self, asset: str = "workload_features") -> list[str]:
        """Return the partitions of an asset that Dagster calls out of date."""
        key, graph = AssetKey(asset), self.graph.asset_layer.asset_graph
        resolver = CachingStaleStatusResolver(self.instance, graph, LoadingContextForTest(self.instance))
        keys = self.instance.get_materialized_partitions(key)
        return sorted(part for part in keys if resolver.get_status(key, part) == StaleStatus.STALE)

    def told(self, asset: str, day: date) -> dict[str, MetadataValue]:
        """Return the metadata of a partition of the cluster web."""
        chosen = AssetRecordsFilter(AssetKey(asset), asset_partitions=[str(EVERYTHING.key(day))])
        event = self.instance.fetch_materializations(chosen, limit=1).records[0].asset_materialization
        assert event is not None
        return dict(event.metadata)

    def rows(self) -> pl.DataFrame:
        return self.store.read("web", EVERYTHING.start, EVERYTHING.end)


def site(url: str, root: Path, instance: DagsterInstance) -> Site:
    instance.add_dynamic_partitions("cluster", ["batch", "web"])
    telemetry, store = Telemetry(), FeatureStore(url, root)
    values = {"telemetry": telemetry, "warehouse": Warehouse(url), "feature_store": store}
    values |= {"clock": lambda: datetime(2026, 4, 1, 2, tzinfo=UTC)}
    overrides = {name: ResourceDefinition.hardcoded_resource(value) for name, value in values.items()}
    graph = build_defs(Settings(home=root), overrides).resolve_implicit_global_asset_job_def()
    return Site(instance, graph, telemetry, store)


@pytest.fixture
def late(warehouse_url: str, tmp_path: Path) -> Iterator[Site]:
    """Return 24 days of a cluster and two of another with all their features built, in one run each."""
    with DagsterInstance.ephemeral() as instance:
        made = site(warehouse_url, tmp_path, instance)
        for part in (EVERYTHING, Slice("batch", CORRECTED, CORRECTED + DAY)):
            made.run(part, *INGESTION, "workload_features")
        yield made


def keys(first: date, last: date) -> list[str]:
    part = Slice("web", first, last)
    return [str(part.key(day)) for day in part.days]


def test_a_run_over_many_days_says_what_it_made_on_the_last_of_them_alone(late: Site) -> None:
    part = Slice("web", LAST - DAY, LAST)
    late.run(part, *INGESTION, "workload_features")
    for asset in (*INGESTION, "workload_features"):
        newest, before = (late.told(asset, day) for day in (LAST, LAST - DAY))
        assert {"head", "dagster/partition_row_count"} <= newest.keys()
        assert str(newest["days"].value) == f"{part.first} to {part.last}"
        assert before.keys() == {"dagster/partition_row_count"}


def test_ingesting_equal_samples_again_makes_nothing_out_of_date(late: Site) -> None:
    assert late.out_of_date() == late.out_of_date("workload_metrics") == []
    late.run(Slice("web", CORRECTED, CORRECTED), *INGESTION)
    late.run(Slice("web", FIRST, CORRECTED + DAY), *INGESTION)
    assert late.out_of_date() == []
    late.run(Slice("web", CORRECTED, CORRECTED), "raw_workload_metrics")
    assert late.out_of_date("workload_metrics") == []


def test_a_corrected_day_puts_exactly_the_days_that_look_at_it_out_of_date_and_rebuilding_them_is_enough(
    late: Site, warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = late.rows()
    late.telemetry.factors[CORRECTED] = 1.5
    late.run(Slice("web", CORRECTED, CORRECTED), *INGESTION)
    touched = Slice("web", CORRECTED, CORRECTED + WARMUP)
    assert late.out_of_date() == keys(touched.first, touched.last)
    late.run(touched, "workload_features")
    assert late.out_of_date() == []
    rebuilt = late.rows()
    with DagsterInstance.ephemeral() as instance:
        clean = site(warehouse.url, tmp_path_factory.mktemp("clean"), instance)
        clean.telemetry.factors[CORRECTED] = 1.5
        clean.run(EVERYTHING, *INGESTION, "workload_features")
        assert_frame_equal(rebuilt, clean.rows(), check_exact=True)
    changed = rebuilt.filter(~rebuilt.hash_rows().is_in(before.hash_rows().implode()))["timestamp"].dt.date()
    assert (changed.min(), changed.max()) == (touched.first, touched.last)  # no day less would have been enough


def test_of_many_days_ingested_again_in_one_run_only_the_corrected_one_counts(late: Site) -> None:
    late.telemetry.factors[LAST - 2 * DAY] = 0.5
    late.run(Slice("web", LAST - 9 * DAY, LAST), *INGESTION)
    assert late.out_of_date() == keys(LAST - 2 * DAY, LAST)


def test_a_correction_that_is_taken_back_leaves_nothing_out_of_date(late: Site) -> None:
    part = Slice("web", CORRECTED, CORRECTED)
    late.telemetry.factors[CORRECTED] = 2
    late.run(part, *INGESTION)
    assert len(late.out_of_date()) == WARMUP.days + 1
    late.telemetry.factors.clear()
    late.run(part, *INGESTION)
    assert late.out_of_date() == []


def test_history_that_arrives_late_puts_the_days_after_it_out_of_date(late: Site) -> None:
    earlier = FIRST - DAY
    late.run(Slice("web", earlier, earlier), *INGESTION)
    assert late.out_of_date() == keys(FIRST, earlier + WARMUP)
