"""What asks for a retraining beside failed checks: a missing model, age, and new telemetry, late samples included."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from dagster import AssetKey, AssetMaterialization, DagsterInstance, build_sensor_context

from cloud_optimizer.automation.retraining_causes import Training, causes_of_cluster, data_causes
from cloud_optimizer.automation.sensors import retraining_on_cause
from cloud_optimizer.core.contracts import SAMPLE_SCHEMA
from cloud_optimizer.core.records import CHAMPION_SCHEMA, QUARANTINE_SCHEMA
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.partitions import partition_key
from cloud_optimizer.resources.warehouse import CHAMPIONS, QUARANTINE, RAW_SAMPLES, Warehouse
from cloud_optimizer.settings import Settings

CLUSTER = "web"
TODAY = date(2026, 3, 30)
NOW = datetime(2026, 3, 31, 2, tzinfo=UTC)
SETTINGS = Settings()


def days(count: int, samples: int = 100, last: date = TODAY) -> dict[date, int]:
    return {last - timedelta(days=n): samples for n in range(count)}


def words(samples: dict[date, int], training: Training | None) -> list[str]:
    return [cause.words for cause in causes_of_cluster(CLUSTER, samples, TODAY, training, SETTINGS)]


def test_a_cluster_without_a_model_is_trained_once_it_has_three_weeks() -> None:
    assert words(days(20), None) == []
    assert words(days(21), None) == ["web has 21 days of telemetry and no model yet"]


def test_models_become_old_after_two_weeks_without_a_training() -> None:
    history = days(200)
    assert words(history, Training(TODAY - timedelta(days=14), None)) == []
    assert words(history, Training(TODAY - timedelta(days=15), None)) == [
        "the models of web learned until 2026-03-15, 15 days ago"
    ]


def test_new_telemetry_of_half_of_what_was_learned_asks_for_a_training() -> None:
    # 8 days learned x 100 samples; 4 new days are half of it
    assert words(days(12), Training(TODAY - timedelta(days=4), None)) == [
        "400 new samples since the models of web learned from 800"
    ]
    assert words(days(11), Training(TODAY - timedelta(days=3), None)) == []


def test_late_samples_of_learned_days_count_as_new() -> None:
    assert words(days(10), Training(TODAY, 1000)) == []
    assert words(days(10, samples=150), Training(TODAY, 1000)) == [
        "500 new samples since the models of web learned from 1,000"
    ]


def test_days_that_retention_took_do_not_hide_new_telemetry() -> None:
    # 6 of 8 learned days are gone; the 4 new ones are still half of the 800 samples learned from
    assert words(days(6), Training(TODAY - timedelta(days=4), 800)) == [
        "400 new samples since the models of web learned from 800"
    ]


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("cluster", [CLUSTER])
        yield instance


def load(warehouse: Warehouse, instance: DagsterInstance, first: date, last: date, rows: int, rejected: int) -> None:
    """Load every day with so many raw samples, some of them rejected, and their features."""
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        times = [start + timedelta(minutes=m) for m in range(rows)]
        keys = {"cluster": CLUSTER, "workload_id": "a", "timestamp": times}
        raw = pl.DataFrame(keys).select(pl.col(c) if c in keys else pl.lit(None).alias(c) for c in SAMPLE_SCHEMA)
        bad = raw.head(rejected).with_columns(reason=pl.lit("x"), detail=pl.lit("y")).select(QUARANTINE_SCHEMA.names())
        warehouse.replace(CLUSTER, day, day + timedelta(days=1), {RAW_SAMPLES: raw, QUARANTINE: bad})
        key = str(partition_key(CLUSTER, day))
        instance.report_runless_asset_event(AssetMaterialization("workload_features", partition=key))


def choose(warehouse: Warehouse, day: date) -> None:
    row = {
        "cluster": CLUSTER,
        "date": day,
        "resource": "cpu",
        "model": "lightgbm",
        "model_version": "1",
        "trained_until": day,
        "promoted": False,
        "reason": "kept: nothing was better",
    }
    frame = pl.DataFrame([row], schema_overrides={"date": pl.Date}).select(
        pl.col(c) if c in row else pl.lit(None).cast(t).alias(c) for c, t in CHAMPION_SCHEMA.items()
    )
    warehouse.replace(CLUSTER, day, day + timedelta(days=1), {CHAMPIONS: frame})


def test_only_accepted_samples_of_complete_days_with_features_count(
    warehouse: Warehouse, instance: DagsterInstance
) -> None:
    load(warehouse, instance, TODAY - timedelta(days=5), NOW.date(), rows=10, rejected=2)
    choose(warehouse, TODAY - timedelta(days=2))
    found = data_causes(instance, warehouse, SETTINGS, NOW)
    # 4 days x 8 accepted learned, 2 days x 8 new; the day of NOW is not complete
    (cause,) = found[CLUSTER]
    assert cause.words == "16 new samples since the models of web learned from 32"
    assert cause.partition == "web|2026-03-30"


def test_what_the_champion_learned_from_is_read_from_its_partition(
    warehouse: Warehouse, instance: DagsterInstance
) -> None:
    load(warehouse, instance, TODAY - timedelta(days=5), TODAY, rows=10, rejected=0)
    choose(warehouse, TODAY)
    event = AssetMaterialization("champion_model", partition=f"web|{TODAY}", metadata={"learned_samples": 30})
    instance.report_runless_asset_event(event)
    (cause,) = data_causes(instance, warehouse, SETTINGS, NOW)[CLUSTER]
    assert cause.words == "30 new samples since the models of web learned from 30"


def test_an_old_model_is_requested_once_a_day_at_most(warehouse: Warehouse, instance: DagsterInstance) -> None:
    load(warehouse, instance, TODAY - timedelta(days=20), TODAY, rows=1, rejected=0)
    resources = {"settings": SETTINGS, "warehouse": warehouse, "clock": lambda: NOW}
    with build_sensor_context(instance, resources=resources) as context:
        first = retraining_on_cause(context)
        context.update_cursor(first.cursor)
        again = retraining_on_cause(context)
    (request,) = first.run_requests
    assert request.partition_key == "web|2026-03-30"
    assert request.tags["cloud_optimizer/reason"] == "web has 21 days of telemetry and no model yet"
    assert again.run_requests == []
    assert again.skip_reason.skip_message == "nothing new asks for a retraining"


def test_the_sensor_and_its_standing_check_are_part_of_the_definitions() -> None:
    repository = build_defs().get_repository_def()
    assert repository.has_sensor_def("retraining_on_cause")
    checks = repository.asset_graph.get_check_keys_for_assets({AssetKey("champion_model")})
    assert {key.name for key in checks} == {"retraining_succeeds"}
