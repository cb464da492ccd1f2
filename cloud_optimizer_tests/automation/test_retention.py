"""The weekly job on a real warehouse: old partitions leave into the archive, the rest stays."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from dagster import DagsterInstance, build_schedule_context

from cloud_optimizer.automation.retention import retention_job, weekly_retention
from cloud_optimizer.core.contracts import SAMPLE_SCHEMA
from cloud_optimizer.core.retention import RetentionSettings
from cloud_optimizer.resources.warehouse import RAW_SAMPLES, Warehouse
from cloud_optimizer.settings import Settings

NOW = datetime(2026, 7, 5, 2, tzinfo=UTC)
OLD, KEPT = date(2026, 3, 6), date(2026, 3, 7)  # 121 and 120 days before


@pytest.fixture
def loaded(warehouse: Warehouse) -> Warehouse:
    for day in (OLD, KEPT):
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        keys = {"cluster": "web", "workload_id": "a", "timestamp": [start]}
        frame = pl.DataFrame(keys).select(pl.col(c) if c in keys else pl.lit(None).alias(c) for c in SAMPLE_SCHEMA)
        warehouse.replace("web", day, day + timedelta(days=1), {RAW_SAMPLES: frame})
    return warehouse


def clean_up(warehouse: Warehouse, home: Path, retention: RetentionSettings) -> int:
    resources = {"warehouse": warehouse, "settings": Settings(home=home, retention=retention), "clock": lambda: NOW}
    with DagsterInstance.ephemeral() as instance:
        result = retention_job.execute_in_process(instance=instance, resources=resources)
    dropped: int = result.output_for_node("drop_old_partitions")
    return dropped


def test_by_default_nothing_leaves(loaded: Warehouse, tmp_path: Path) -> None:
    assert clean_up(loaded, tmp_path, RetentionSettings()) == 0
    assert loaded.days(RAW_SAMPLES, "web") == [OLD, KEPT]


def test_a_partition_leaves_when_its_days_are_over_and_its_rows_are_archived(loaded: Warehouse, tmp_path: Path) -> None:
    assert clean_up(loaded, tmp_path, RetentionSettings(sample_days=120)) == 1
    assert loaded.days(RAW_SAMPLES, "web") == [KEPT]
    archived = pl.read_parquet(tmp_path / "archive" / "raw_workload_metrics" / "2026-03-06.parquet")
    assert archived["workload_id"].to_list() == ["a"]
    assert clean_up(loaded, tmp_path, RetentionSettings(sample_days=120)) == 0


def test_a_week_has_one_run_key_however_often_its_tick_is_evaluated() -> None:
    with build_schedule_context(scheduled_execution_time=NOW) as context:
        assert weekly_retention(context).run_key == weekly_retention(context).run_key == "retention 2026-07-05"
