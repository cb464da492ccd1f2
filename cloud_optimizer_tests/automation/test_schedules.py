"""What the schedules request: days that a source covers and a champion can forecast, each a bounded number of times."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest
from dagster import (
    AssetMaterialization,
    DagsterInstance,
    RunRequest,
    ScheduleDefinition,
    SkipReason,
    build_schedule_context,
)

from cloud_optimizer.automation.schedules import (
    LOOKBACK_DAYS,
    MOST_REQUESTS,
    covers,
    daily_partition,
    missing_partitions,
    weekly_tuning,
)
from cloud_optimizer.core.contracts import DAY, HOUR
from cloud_optimizer.core.validation import Cadence
from cloud_optimizer.partitions import DAYS, partition_key
from cloud_optimizer.resources.telemetry.catalog import RegisteredSource

FIRST = DAYS.start
TODAY = FIRST + 40 * DAY
YESTERDAY = (TODAY - DAY).date()


def source(cluster: str, end: datetime = TODAY, first: datetime = FIRST) -> RegisteredSource:
    return RegisteredSource(cluster, "trace", {}, first, end, Cadence(timedelta(minutes=5), True, "regular"))


@dataclass
class Catalog:
    """Stands for the catalogue: the schedules ask only which clusters there are."""

    sources: list[RegisteredSource] = field(default_factory=list)

    def entries(self) -> tuple[RegisteredSource, ...]:
        return tuple(self.sources)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    """Return an instance on disk: the context of a schedule opens it by its address."""
    with DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance:
        yield instance


@pytest.fixture
def instance(stored: DagsterInstance) -> DagsterInstance:
    """Return the instance with nothing in it."""
    stored.wipe()
    return stored


def done(instance: DagsterInstance, asset: str, cluster: str, *days: date) -> None:
    for day in days:
        event = AssetMaterialization(asset, partition=str(partition_key(cluster, day)))
        instance.report_runless_asset_event(event)


def ticked(
    schedule: ScheduleDefinition, instance: DagsterInstance, sources: list[RegisteredSource], now: datetime
) -> tuple[list[RunRequest], list[str]]:
    """Return what one tick requests and why it skips."""
    resources = {"telemetry": Catalog(sources), "clock": lambda: now}
    with build_schedule_context(instance, scheduled_execution_time=now, resources=resources) as context:
        answers = list(schedule(context))
    requests = [answer for answer in answers if isinstance(answer, RunRequest)]
    return requests, [str(answer.skip_message) for answer in answers if isinstance(answer, SkipReason)]


def missing_of(instance: DagsterInstance, sources: list[RegisteredSource], now: datetime) -> list[RunRequest]:
    return ticked(missing_partitions, instance, sources, now)[0]


def days_before_today(*back: int) -> list[date]:
    return [(TODAY - n * DAY).date() for n in back]


def test_a_source_covers_the_days_from_its_first_sample_to_its_end() -> None:
    recorded = source("old", end=FIRST + 2 * DAY)
    days = [(FIRST + n * DAY).date() for n in (-1, 0, 1, 2)]
    assert [covers(recorded, day) for day in days] == [False, True, True, False]


def test_every_night_yesterday_of_each_cluster_with_telemetry_and_a_champion(instance: DagsterInstance) -> None:
    for cluster in ("web", "recorded"):
        done(instance, "champion_model", cluster, FIRST.date())
    sources = [source("web"), source("recorded", end=TODAY - DAY), source("unchosen")]
    requests, skips = ticked(daily_partition, instance, sources, TODAY + HOUR / 2)
    assert [request.partition_key for request in requests] == [partition_key("web", YESTERDAY)]
    assert skips == []


def test_the_same_night_has_the_same_run_key_and_the_next_one_another(instance: DagsterInstance) -> None:
    done(instance, "champion_model", "web", FIRST.date())
    sources = [source("web", end=TODAY + DAY)]
    keys = [
        request.run_key
        for now in (TODAY + HOUR / 2, TODAY + HOUR, TODAY + DAY + HOUR / 2)
        for request in ticked(daily_partition, instance, sources, now)[0]
    ]
    assert len(keys) == 3
    assert len(set(keys)) == 2


@pytest.mark.parametrize("sources", [[], [source("web", end=TODAY - DAY)]], ids=["no source", "a trace that ended"])
def test_a_night_without_anything_due_says_why(instance: DagsterInstance, sources: list[RegisteredSource]) -> None:
    done(instance, "champion_model", "web", FIRST.date())
    assert ticked(daily_partition, instance, sources, TODAY + HOUR) == (
        [],
        [f"no cluster with a champion has telemetry of {YESTERDAY}"],
    )


def test_every_week_the_clusters_with_a_champion_whose_telemetry_goes_on_are_tuned(instance: DagsterInstance) -> None:
    for cluster in ("web", "recorded"):
        done(instance, "champion_model", cluster, FIRST.date())
    sources = [source("web"), source("recorded", end=TODAY - DAY), source("unchosen")]
    requests, skips = ticked(weekly_tuning, instance, sources, TODAY + 4 * HOUR)
    assert [request.partition_key for request in requests] == [partition_key("web", YESTERDAY)]
    assert skips == []
    assert weekly_tuning.job_name == "tuning"
    assert weekly_tuning.cron_schedule == "0 4 * * 6"


def test_days_of_the_last_week_without_recommendations_are_requested_oldest_first(instance: DagsterInstance) -> None:
    done(instance, "champion_model", "web", FIRST.date())
    done(instance, "scaling_recommendations", "web", *days_before_today(7, 5, 4, 2))
    requests = missing_of(instance, [source("web")], TODAY + HOUR)
    assert [request.partition_key for request in requests] == [
        partition_key("web", day) for day in days_before_today(6, 3, 1)
    ]


def test_days_before_the_first_champion_or_after_the_telemetry_are_not_missing(instance: DagsterInstance) -> None:
    done(instance, "champion_model", "web", *days_before_today(4, 2))
    ended = source("web", end=TODAY - DAY)
    requests = missing_of(instance, [ended, source("unchosen")], TODAY + HOUR)
    assert [request.partition_key for request in requests] == [
        partition_key("web", day) for day in days_before_today(4, 3, 2)
    ]


def test_a_complete_week_says_that_nothing_is_missing(instance: DagsterInstance) -> None:
    done(instance, "champion_model", "web", FIRST.date())
    done(instance, "scaling_recommendations", "web", *days_before_today(*range(1, LOOKBACK_DAYS + 1)))
    assert ticked(missing_partitions, instance, [source("web")], TODAY + HOUR) == ([], ["nothing is missing"])


def test_a_tick_asks_for_a_bounded_number_and_what_cannot_succeed_starves_nothing(instance: DagsterInstance) -> None:
    sources = [source(f"web-{n}") for n in range(5)]
    for entry in sources:
        done(instance, "champion_model", entry.cluster, FIRST.date())
    hours = [[r.partition_key for r in missing_of(instance, sources, TODAY + n * HOUR)] for n in range(4)]
    assert [len(keys) for keys in hours] == [MOST_REQUESTS] * 4
    assert len({key for keys in hours for key in keys}) == 5 * LOOKBACK_DAYS > MOST_REQUESTS
