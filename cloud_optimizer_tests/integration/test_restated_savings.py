"""Applications and rollbacks that are told later, on a real instance: the days that they change are measured again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    ResourceDefinition,
    RunRequest,
    SkipReason,
    build_schedule_context,
)
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    RUN_KEY_TAG,
)
from dagster._core.test_utils import create_run_for_test
from polars.testing import assert_frame_equal
from rich.console import Console

from cloud_optimizer.automation.savings import restated_savings
from cloud_optimizer.cli.materialize import Materializer
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.partitions import Slice
from cloud_optimizer.resources.warehouse import HOURS, REALISED_SAVINGS, RECOMMENDATIONS, Warehouse
from cloud_optimizer.resources.warehouse.life_cycle import change_status
from cloud_optimizer.settings import Settings
from cloud_optimizer_tests.resources.warehouse.frames import rows

FIRST = date(2026, 3, 2)
ALL = Slice("web", FIRST, FIRST + timedelta(days=5))
NOW = datetime(2026, 4, 1, 10, 45, tzinfo=UTC)
MEASURED_LONG_AGO = "UPDATE loads SET loaded_at = loaded_at - interval '1 day'"
RECORDED_LONG_AGO = "UPDATE savings_ledger SET recorded_at = recorded_at - interval '1 hour'"
ADVICE = [f"web/w{number}/{FIRST}" for number in range(2)]


@dataclass(frozen=True)
class Interrupted(Warehouse):
    """A warehouse of which long reads are waited for: what happens then is told by `meanwhile`."""

    meanwhile: list[Callable[[], None]] = field(default_factory=list)

    def read(self, *asked: Any) -> pl.DataFrame:
        rows = super().read(*asked)
        while self.meanwhile:
            self.meanwhile.pop()()
        return rows


@dataclass(frozen=True)
class Site:
    """Six days of two workloads, whose savings are measured."""

    instance: DagsterInstance
    warehouse: Interrupted
    materializer: Materializer

    def mark(self, status: str, identity: str, day: int) -> None:
        at = datetime(FIRST.year, FIRST.month, FIRST.day + day, tzinfo=UTC)
        change_status(self.warehouse, [identity], status, at, actor="ann")

    def measure(self, part: Slice) -> None:
        self.materializer.run(["realised_savings"], part, lambda _: None)

    def tick(self, now: datetime = NOW, backfill_days: int | None = None) -> list[RunRequest]:
        settings = Settings(backfill_days=backfill_days)
        resources = {"warehouse": self.warehouse, "settings": settings, "clock": lambda: now}
        with build_schedule_context(self.instance, scheduled_execution_time=now, resources=resources) as context:
            answers = list(restated_savings(context))
        assert all(isinstance(answer, RunRequest) for answer in answers) or isinstance(answers[0], SkipReason)
        return [answer for answer in answers if isinstance(answer, RunRequest)]

    def fail(self, request: RunRequest) -> bool:
        tags = {**request.tags, RUN_KEY_TAG: str(request.run_key)}
        return create_run_for_test(self.instance, "savings", status=DagsterRunStatus.FAILURE, tags=tags).is_finished

    def time_passes(self, statement: str = MEASURED_LONG_AGO) -> None:
        with psycopg.connect(self.warehouse.url) as connection:
            connection.execute(statement)

    def savings(self) -> pl.DataFrame:
        return self.warehouse.read(REALISED_SAVINGS, "web", ALL.first, ALL.next_day)


def asked(request: RunRequest) -> list[str]:
    ends = (request.tags[ASSET_PARTITION_RANGE_START_TAG], request.tags[ASSET_PARTITION_RANGE_END_TAG])
    return [end.split("|")[1] for end in ends]


@pytest.fixture
def site(warehouse_url: str, tmp_path: Path) -> Iterator[Site]:
    warehouse = Interrupted(warehouse_url)
    for table in (HOURS, RECOMMENDATIONS):
        warehouse.replace("web", ALL.first, ALL.next_day, {table: rows(table, "web", FIRST, days=6)})
    with DagsterInstance.local_temp(str(tmp_path), {"telemetry": {"enabled": False}}) as instance:
        instance.add_dynamic_partitions("cluster", ["web"])
        override = {"warehouse": ResourceDefinition.hardcoded_resource(warehouse)}
        job = build_defs(Settings(home=tmp_path), override).resolve_implicit_global_asset_job_def()
        made = Site(instance, warehouse, Materializer(job, instance, Console(quiet=True)))
        made.measure(ALL)
        made.time_passes()
        yield made


def test_what_is_told_of_the_past_has_exactly_the_days_after_it_measured_again(site: Site) -> None:
    assert site.tick() == []
    site.mark("applied", ADVICE[0], day=2)
    (request,) = site.tick()
    assert asked(request) == ["2026-03-04", "2026-03-07"]
    site.measure(Slice("web", FIRST + timedelta(days=2), ALL.last))
    assert site.savings()["date"].to_list() == [FIRST + timedelta(days=day) for day in (2, 3, 4, 5)]
    site.time_passes(RECORDED_LONG_AGO)
    assert site.tick() == []


def test_a_late_application_that_is_soon_taken_back_late_is_measured_on_the_days_between_too(site: Site) -> None:
    site.mark("applied", ADVICE[0], day=1)
    site.mark("reverted", ADVICE[0], day=4)  # before the hour in which the application would have been looked at
    (request,) = site.tick()
    assert asked(request) == ["2026-03-03", "2026-03-07"]
    site.measure(Slice("web", FIRST + timedelta(days=1), ALL.last))
    after = site.savings()
    assert after["date"].to_list() == [FIRST + timedelta(days=day) for day in (1, 2, 3)]
    site.measure(ALL)
    assert_frame_equal(after, site.savings())


def test_what_is_recorded_while_hours_are_read_is_measured(site: Site) -> None:
    site.warehouse.meanwhile.append(lambda: site.mark("applied", ADVICE[0], day=2))
    site.measure(ALL)
    assert site.savings()["date"].to_list() == [FIRST + timedelta(days=day) for day in (2, 3, 4, 5)]


def test_many_days_are_cut_into_runs_as_long_as_those_of_backfills(site: Site) -> None:
    site.mark("applied", ADVICE[0], day=1)
    runs = [asked(request) for request in site.tick(backfill_days=2)]
    assert runs == [["2026-03-03", "2026-03-04"], ["2026-03-05", "2026-03-06"], ["2026-03-07", "2026-03-07"]]


def test_a_day_is_asked_for_three_times_a_day_and_anew_when_more_is_told(site: Site) -> None:
    site.mark("applied", ADVICE[0], day=2)
    hours = [hour for hour in range(24) for request in site.tick(NOW.replace(hour=hour)) if site.fail(request)]
    assert hours == [0, 8, 16]
    assert site.tick() == []
    site.mark("applied", ADVICE[1], day=2)
    assert len(site.tick()) == 1


def test_days_whose_hours_are_gone_and_days_never_measured_are_let_be(site: Site) -> None:
    gone = HOURS.schema.to_frame()
    site.warehouse.replace("web", ALL.first, ALL.first + timedelta(days=4), {HOURS: gone})
    site.mark("applied", ADVICE[0], day=0)
    (request,) = site.tick()
    assert asked(request) == ["2026-03-06", "2026-03-07"]
    site.time_passes("DELETE FROM loads WHERE table_name = 'realised_savings'")
    assert site.tick() == []
