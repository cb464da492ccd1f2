"""A cluster that appears in a live source becomes partitions, is ingested, and is then left to the schedules."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from dagster import AssetMaterialization, DagsterInstance, SensorResult, build_schedule_context, build_sensor_context
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from cloud_optimizer.automation.new_clusters import new_clusters
from cloud_optimizer.automation.schedules import newest_partitions
from cloud_optimizer.partitions import DAYS, partition_key
from cloud_optimizer.resources.telemetry.catalog import SourceAccess, SourceCatalog

FIRST = DAYS.start
OPTIONS = {"query": "SELECT cluster, workload_id, timestamp, cpu_usage_cores FROM usage"}
USAGE = """
CREATE TABLE IF NOT EXISTS usage (cluster text, workload_id text, timestamp timestamptz, cpu_usage_cores float)
"""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """Return an instance on disk: the context of a schedule opens it by its address."""
    folder = tmp_path / "dagster"
    folder.mkdir()
    with DagsterInstance.local_temp(str(folder)) as instance:
        yield instance


class Live:
    """A table of samples in a database, and the catalogue that reads it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.catalog = SourceCatalog(url, SourceAccess(folder, database_url=url))

    def add(self, cluster: str, day: datetime, days: int = 1) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(USAGE)
            connection.execute(
                "INSERT INTO usage SELECT %s, 'vm', t, 1 FROM generate_series(%s, %s, interval '1 hour') AS t",
                (cluster, day, day + timedelta(days=days, hours=-1)),
            )


@pytest.fixture
def live(warehouse_url: str, tmp_path: Path) -> Live:
    live = Live(warehouse_url, tmp_path)
    live.add("web", FIRST, days=3)
    live.catalog.register(live.catalog.open("postgres", OPTIONS), OPTIONS)
    return live


def tick(live: Live, instance: DagsterInstance, now: datetime) -> SensorResult:
    resources = {"telemetry": live.catalog, "clock": lambda: now}
    with build_sensor_context(instance, resources=resources) as context:
        result = new_clusters(context)
    for request in result.dynamic_partitions_requests or []:
        instance.add_dynamic_partitions("cluster", request.partition_keys)
    return result


def ranges(result: SensorResult) -> list[tuple[str, str]]:
    tags = [request.tags for request in result.run_requests or []]
    return [(t[ASSET_PARTITION_RANGE_START_TAG], t[ASSET_PARTITION_RANGE_END_TAG]) for t in tags]


def done(instance: DagsterInstance, asset: str, cluster: str, *offsets: int) -> None:
    for offset in offsets:
        key = str(partition_key(cluster, (FIRST + timedelta(days=offset)).date()))
        instance.report_runless_asset_event(AssetMaterialization(asset, partition=key))


def key(cluster: str, offset: int) -> str:
    return str(partition_key(cluster, (FIRST + timedelta(days=offset)).date()))


def test_a_cluster_that_appears_is_added_and_its_history_is_one_run(live: Live, instance: DagsterInstance) -> None:
    now = FIRST + timedelta(days=3, hours=1)
    tick(live, instance, now)
    live.add("batch", FIRST + timedelta(days=1), days=2)
    result = tick(live, instance, now)
    assert instance.get_dynamic_partitions("cluster") == ["web", "batch"]
    assert (key("batch", 1), key("batch", 2)) in ranges(result)


def test_days_that_appear_later_are_requested_and_ingested_ones_are_not(live: Live, instance: DagsterInstance) -> None:
    tick(live, instance, FIRST + timedelta(days=3, hours=1))
    done(instance, "workload_features", "web", 0, 1, 2)
    assert ranges(tick(live, instance, FIRST + timedelta(days=3, hours=1))) == []
    live.add("web", FIRST + timedelta(days=3))
    assert ranges(tick(live, instance, FIRST + timedelta(days=3, hours=23))) == []  # the day is not over
    assert ranges(tick(live, instance, FIRST + timedelta(days=4, hours=1))) == [(key("web", 3), key("web", 3))]


def test_a_failing_ingestion_is_tried_three_times_a_day(live: Live, instance: DagsterInstance) -> None:
    hours = [FIRST + timedelta(days=3, hours=hour) for hour in range(24)]
    keys = {request.run_key for now in hours for request in tick(live, instance, now).run_requests}
    assert len(keys) == 3


def test_a_source_that_is_away_is_named_and_hides_nothing_else(live: Live, instance: DagsterInstance) -> None:
    with psycopg.connect(live.url) as connection:
        connection.execute("DROP TABLE usage")
    done(instance, "workload_features", "web", 0, 1, 2)
    instance.add_dynamic_partitions("cluster", ["web"])
    result = tick(live, instance, FIRST + timedelta(days=3, hours=1))
    assert "usage" in result.skip_reason.skip_message


def test_a_cluster_with_a_champion_is_left_to_the_schedules(live: Live, instance: DagsterInstance) -> None:
    done(instance, "champion_model", "web", 1)
    now = FIRST + timedelta(days=3, hours=9)
    assert ranges(tick(live, instance, now)) == []
    resources = {"telemetry": live.catalog, "clock": lambda: now}
    with build_schedule_context(instance, scheduled_execution_time=now, resources=resources) as context:
        requests = list(newest_partitions(context))
    assert [request.partition_key for request in requests] == [partition_key("web", (FIRST + timedelta(2)).date())]


@pytest.mark.parametrize("champion", [None, 0])
def test_the_newest_day_is_not_requested_without_a_champion_or_long_after_telemetry_ended(
    live: Live, instance: DagsterInstance, champion: int | None
) -> None:
    now = FIRST + timedelta(days=3 if champion is None else 30, hours=9)
    if champion is not None:
        done(instance, "champion_model", "web", champion)
    resources = {"telemetry": live.catalog, "clock": lambda: now}
    with build_schedule_context(instance, scheduled_execution_time=now, resources=resources) as context:
        (skipped,) = newest_partitions(context)
    assert skipped.skip_message == "no cluster with a champion has telemetry of the last 7 days"


def test_every_six_hours_is_a_run_of_its_own_and_a_repeated_tick_is_not(live: Live, instance: DagsterInstance) -> None:
    done(instance, "champion_model", "web", 0)
    keys = set()
    for hour in (3, 3, 9):
        now = datetime.combine((FIRST + timedelta(days=3)).date(), FIRST.time(), UTC) + timedelta(hours=hour)
        resources = {"telemetry": live.catalog, "clock": lambda now=now: now}
        with build_schedule_context(instance, scheduled_execution_time=now, resources=resources) as context:
            keys |= {request.run_key for request in newest_partitions(context)}
    assert len(keys) == 2
