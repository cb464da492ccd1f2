"""Old partitions leave."""

import threading
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import psycopg
import pytest
from polars.testing import assert_frame_equal

from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.resources.warehouse import HOURS, RAW_SAMPLES, Warehouse, retention
from cloud_optimizer.resources.warehouse.retention import drop_before
from cloud_optimizer_tests.resources.warehouse.frames import rows

START = date(2025, 1, 30)


@pytest.fixture
def loaded(warehouse: Warehouse) -> Warehouse:
    """Return a warehouse with four days of two clusters, over the end of a month."""
    for cluster in ("alpha", "beta"):
        frames = {table: rows(table, cluster, START, days=4) for table in (RAW_SAMPLES, HOURS)}
        warehouse.replace(cluster, START, START + timedelta(days=4), frames)
    return warehouse


def test_days_before_leave_after_their_rows_are_in_parquet_and_the_others_stay(
    loaded: Warehouse, tmp_path: Path
) -> None:
    gone = list(drop_before(loaded, START + timedelta(days=2), [RAW_SAMPLES.name], export_to=tmp_path))
    assert [(one.first_day, one.rows) for one in gone] == [(START, 4), (START + timedelta(days=1), 4)]
    assert loaded.days(RAW_SAMPLES, "alpha") == [START + timedelta(days=2), START + timedelta(days=3)]
    left = loaded.read(RAW_SAMPLES, "alpha", START, START + timedelta(days=4))
    assert_frame_equal(left, rows(RAW_SAMPLES, "alpha", START + timedelta(days=2), days=2))
    exported = pl.read_parquet(tmp_path / RAW_SAMPLES.name / "2025-01-30.parquet")
    assert_frame_equal(exported.filter(pl.col("cluster") == "beta"), rows(RAW_SAMPLES, "beta", START))


def test_a_month_leaves_only_when_all_of_it_is_before(loaded: Warehouse) -> None:
    assert list(drop_before(loaded, date(2025, 1, 31), [HOURS.name])) == []
    gone = list(drop_before(loaded, date(2025, 2, 2), [HOURS.name]))
    assert [(one.first_day, one.rows, one.file) for one in gone] == [(date(2025, 1, 1), None, None)]
    assert loaded.days(HOURS, "beta") == [date(2025, 2, 1), date(2025, 2, 2)]


def test_a_day_that_left_can_be_loaded_again_and_leaves_into_a_file_of_its_own(
    loaded: Warehouse, tmp_path: Path
) -> None:
    for _ in range(2):
        loaded.replace("alpha", START, START + timedelta(days=1), {RAW_SAMPLES: rows(RAW_SAMPLES, "alpha", START)})
        list(drop_before(loaded, START + timedelta(days=1), [RAW_SAMPLES.name], export_to=tmp_path))
    assert {path.name for path in tmp_path.rglob("*.parquet")} == {"2025-01-30.parquet", "2025-01-30.2.parquet"}


def test_nothing_is_dropped_when_the_export_fails(loaded: Warehouse, tmp_path: Path) -> None:
    (tmp_path / RAW_SAMPLES.name).write_text("a file where the folder should be")
    with pytest.raises(OSError, match=RAW_SAMPLES.name):
        list(drop_before(loaded, START + timedelta(days=1), [RAW_SAMPLES.name], export_to=tmp_path))
    assert loaded.read(RAW_SAMPLES, "alpha", START, START + timedelta(days=1)).height == 2


def test_a_query_that_does_not_end_keeps_the_partition(loaded: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PATIENCE", "SET LOCAL lock_timeout = '50ms'")
    with psycopg.connect(loaded.url) as reader:
        reader.execute("SELECT count(*) FROM raw_workload_metrics")
        with pytest.raises(CloudOptimizerError, match="raw_workload_metrics_p20250130"):
            list(drop_before(loaded, START + timedelta(days=1), [RAW_SAMPLES.name]))
    assert loaded.read(RAW_SAMPLES, "alpha", START, START + timedelta(days=1)).height == 2


def test_loading_and_dropping_the_same_days_at_once_neither_deadlocks_nor_fails(loaded: Warehouse) -> None:
    failures: list[BaseException] = []

    def load() -> None:
        try:
            for _ in range(10):
                loaded.replace(
                    "alpha", START, START + timedelta(days=1), {RAW_SAMPLES: rows(RAW_SAMPLES, "alpha", START)}
                )
        except BaseException as error:  # noqa: BLE001 - reported by the test
            failures.append(error)

    loader = threading.Thread(target=load)
    loader.start()
    while loader.is_alive():
        list(drop_before(loaded, START + timedelta(days=1), [RAW_SAMPLES.name]))
    assert failures == []
