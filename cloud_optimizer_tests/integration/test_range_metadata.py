"""A run over many partitions on a real instance: each partition shows what is its own, and nothing of another day."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dagster import AssetKey, AssetRecordsFilter, DagsterInstance, MetadataValue, ResourceDefinition
from rich.console import Console

from cloud_optimizer.cli.materialize import Materializer
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.partitions import Slice, partition_key
from cloud_optimizer.resources.warehouse import HOURS, RECOMMENDATIONS, Warehouse
from cloud_optimizer.resources.warehouse.life_cycle import change_status
from cloud_optimizer.settings import Settings
from cloud_optimizer_tests.resources.warehouse.frames import rows

FIRST = date(2026, 3, 2)
LAST = date(2026, 3, 4)
ALL = Slice("web", FIRST, LAST)
COUNTED = {"dagster/partition_row_count"}


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as opened:
        opened.add_dynamic_partitions("cluster", ["web"])
        yield opened


@pytest.fixture
def materializer(instance: DagsterInstance, warehouse: Warehouse, tmp_path: Path) -> Materializer:
    """Return what runs assets of two workloads, with three days of hours and of recommendations, one applied."""
    for table in (HOURS, RECOMMENDATIONS):
        warehouse.replace("web", ALL.first, ALL.next_day, {table: rows(table, "web", FIRST, days=3)})
    change_status(warehouse, [f"web/w0/{FIRST}"], "applied", datetime(2026, 3, 2, tzinfo=UTC), actor="ann")
    override = {"warehouse": ResourceDefinition.hardcoded_resource(warehouse)}
    job = build_defs(Settings(home=tmp_path), override).resolve_implicit_global_asset_job_def()
    return Materializer(job, instance, Console(quiet=True))


def told(instance: DagsterInstance, asset: str, day: date) -> dict[str, MetadataValue]:
    partition = AssetRecordsFilter(AssetKey(asset), asset_partitions=[partition_key("web", day)])
    event = instance.fetch_materializations(partition, limit=1).records[0].asset_materialization
    assert event is not None
    return dict(event.metadata)


def test_what_is_told_of_the_newest_day_stands_on_that_day_alone(
    materializer: Materializer, instance: DagsterInstance
) -> None:
    materializer.run(["cost_report"], ALL, lambda _: None)
    for day in (FIRST, FIRST + timedelta(days=1)):
        assert told(instance, "cost_report", day).keys() == COUNTED
    newest = told(instance, "cost_report", LAST)
    dates = [record.data["date"] for record in newest["report"].value.records]  # type: ignore[union-attr]
    assert set(dates) == {str(LAST)}
    assert newest["rows"].value == len(dates)


def test_what_is_told_of_several_days_at_once_names_them(materializer: Materializer, instance: DagsterInstance) -> None:
    materializer.run(["realised_savings"], ALL, lambda _: None)
    assert told(instance, "realised_savings", FIRST).keys() == COUNTED
    newest = told(instance, "realised_savings", LAST)
    assert newest["days"].value == f"{FIRST} to {LAST}"
    assert newest.keys() >= {"predicted_saving_usd", "realised_saving_usd", "head"}
    materializer.run(["realised_savings"], Slice("web", FIRST, FIRST), lambda _: None)
    alone = told(instance, "realised_savings", FIRST)
    assert "days" not in alone
    assert "head" in alone
