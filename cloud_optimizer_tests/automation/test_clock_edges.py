"""Edges of the calendar: daylight saving, midnight, a leap day, and a machine in another zone move no partition."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dagster import AssetMaterialization, DagsterInstance
from dagster._utils.schedules import schedule_execution_time_iterator

from cloud_optimizer.automation.schedules import LOOKBACK_DAYS, daily_partition, missing_partitions
from cloud_optimizer.core.clock import utc_now
from cloud_optimizer.core.contracts import DAY, HOUR
from cloud_optimizer.definitions import defs
from cloud_optimizer.partitions import Slice, partition_key, slices
from cloud_optimizer.resources.telemetry.trace import TraceSource
from cloud_optimizer_tests.automation.test_schedules import source, ticked

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)  # days of 23 and of 25 hours there
LEAP_DAY = date(2028, 2, 29)


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put this machine into a zone in which it is another day for half of each day."""
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """Return an instance in which cluster `web` has had a champion for long."""
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        event = AssetMaterialization("champion_model", partition=str(partition_key("web", date(2026, 1, 1))))
        instance.report_runless_asset_event(event)
        yield instance


@pytest.mark.parametrize("change", [SPRING, AUTUMN], ids=["spring", "autumn"])
def test_every_schedule_keeps_its_rhythm_over_a_change_of_daylight_saving(change: date) -> None:
    start = datetime(change.year, change.month, change.day, tzinfo=UTC) - 7 * DAY
    for schedule in defs.schedules or ():
        ticks = schedule_execution_time_iterator(start.timestamp(), schedule.cron_schedule, schedule.execution_timezone)
        seen = list(takewhile(lambda tick: tick < start + 21 * DAY, ticks))
        assert len({later - earlier for earlier, later in pairwise(seen)}) == 1, schedule.name


def test_yesterday_changes_at_midnight_utc_wherever_the_machine_stands(instance: DagsterInstance) -> None:
    midnight = datetime(2026, 3, 29, tzinfo=UTC)
    sources = [source("web", end=midnight + DAY)]
    moments = {midnight - timedelta(microseconds=1): date(2026, 3, 27), midnight: date(2026, 3, 28)}
    for now, yesterday in moments.items():
        requests, _ = ticked(daily_partition, instance, sources, now)
        assert [request.partition_key for request in requests] == [partition_key("web", yesterday)]


def test_a_leap_day_is_a_day_like_others(instance: DagsterInstance) -> None:
    now = datetime(2028, 3, 1, 0, 30, tzinfo=UTC)
    sources = [source("web", end=now)]
    (nightly,), _ = ticked(daily_partition, instance, sources, now)
    assert nightly.partition_key == partition_key("web", LEAP_DAY)
    missing, _ = ticked(missing_partitions, instance, sources, now)
    assert len(missing) == LOOKBACK_DAYS
    assert nightly.partition_key in [request.partition_key for request in missing]
    part = Slice("web", LEAP_DAY - DAY, LEAP_DAY + DAY)
    assert len(list(part.days)) == 3
    assert slices([str(part.key(day)) for day in part.days]) == [part]


def test_the_clock_is_utc_wherever_the_machine_stands() -> None:
    assert utc_now().utcoffset() == timedelta(0)
    assert abs(utc_now().timestamp() - time.time()) < 5


@pytest.mark.parametrize("change", [SPRING, AUTUMN], ids=["23 hours", "25 hours"])
def test_local_stamps_with_their_offset_lose_and_double_no_hour_when_clocks_change(
    tmp_path: Path, change: date
) -> None:
    start = datetime(change.year, change.month, change.day, tzinfo=UTC) - DAY
    hours = [start + n * HOUR for n in range(72)]
    rows = [f"{hour.astimezone(BERLIN).isoformat()},w,1,4" for hour in hours]
    path = tmp_path / "usage.csv"
    path.write_text("\n".join(["timestamp,workload_id,cpu_usage_cores,cpu_capacity_cores", *rows]))
    trace = TraceSource(path)
    (cluster,) = trace.clusters()
    assert trace.extent(cluster) == (start, start + 3 * DAY)
    counts = [trace.read(cluster, start + n * DAY, start + (n + 1) * DAY).height for n in range(3)]
    assert counts == [24, 24, 24]
    read = trace.read(cluster, start, start + 3 * DAY)["timestamp"]
    assert read.to_list() == hours
