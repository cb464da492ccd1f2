"""Materializing what is missing, as one run, with failures in words; a real Dagster job on a real instance."""

import io
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

import psycopg
import pytest
from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    DagsterInstance,
    DagsterRunStatus,
    Definitions,
    ExecuteInProcessResult,
    MaterializeResult,
    asset,
    in_process_executor,
)
from psycopg.errors import AdminShutdown, QueryCanceled
from rich.console import Console
from sqlalchemy.exc import OperationalError

from cloud_optimizer.cli.materialize import TRIES, Materializer
from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.partitions import BACKFILL_POLICY, DAYS, PARTITIONS, Slice

FIRST = DAYS.start.date()
PART = Slice("web", FIRST, FIRST + timedelta(days=2))
pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")  # as in cloud_optimizer.partitions


@dataclass
class Troubled:
    """Stands for a job whose instance loses its storage: every run raises what a driver says."""

    said: psycopg.Error
    runs: int = 0

    def execute_in_process(self, **_: object) -> ExecuteInProcessResult:
        self.runs += 1
        raise OperationalError("INSERT", {}, self.said)


@dataclass
class Deaf:
    """Stands for an instance whose storage answers every question with what a driver says."""

    said: psycopg.Error

    def __getattr__(self, name: str) -> object:
        raise OperationalError(name, {}, self.said)


class World:
    """A graph of three assets whose middle one may be told to break, to press Ctrl-C or to fail its blocking check."""

    def __init__(self, instance: DagsterInstance) -> None:
        self.broken = self.invalid = self.interrupted = False
        self.seen: list[tuple[str, int]] = []
        self.text = io.StringIO()
        self.instance = instance
        self.materializer = Materializer(
            self._definitions().resolve_implicit_global_asset_job_def(), instance, Console(file=self.text, width=200)
        )

    def _definitions(self) -> Definitions:
        shared = {"partitions_def": PARTITIONS, "backfill_policy": BACKFILL_POLICY}

        @asset(**shared)
        def raw(context: AssetExecutionContext) -> MaterializeResult:
            self.seen.append(("raw", len(context.partition_keys)))
            return MaterializeResult()

        @asset(**shared, deps=[raw], check_specs=[AssetCheckSpec("valid", asset="clean", blocking=True)])
        def clean(context: AssetExecutionContext) -> Iterator[MaterializeResult | AssetCheckResult]:
            self.seen.append(("clean", len(context.partition_keys)))
            if self.broken:
                raise CloudOptimizerError("The disk is full: make room.")
            if self.interrupted:
                os.kill(os.getpid(), signal.SIGINT)
            yield MaterializeResult()
            words = "half of it is nonsense" if self.invalid else "fine"
            yield AssetCheckResult(
                check_name="valid", passed=not self.invalid, severity=AssetCheckSeverity.ERROR, description=words
            )

        @asset(**shared, deps=[clean])
        def features(context: AssetExecutionContext) -> MaterializeResult:
            self.seen.append(("features", len(context.partition_keys)))
            return MaterializeResult()

        return Definitions([raw, clean, features], executor=in_process_executor)

    def complete(self, *assets: str, part: Slice = PART, together: bool = False) -> str:
        self.text.truncate(0)
        self.text.seek(0)
        self.materializer.complete("telemetry", assets, part, together)
        return self.text.getvalue()


ALL = ("raw", "clean", "features")


@pytest.fixture
def world() -> Iterator[World]:
    with DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("cluster", ["web"])
        yield World(instance)


def test_all_partitions_are_one_run_in_the_order_of_the_lineage(world: World) -> None:
    assert "web: telemetry: " in world.complete(*ALL)
    assert world.seen == [("raw", 3), ("clean", 3), ("features", 3)]
    assert world.instance.get_runs_count() == 1
    assert len(world.instance.get_materialized_partitions(AssetKey("features"))) == 3


def test_what_is_there_is_left_alone_and_said_to_be_there(world: World) -> None:
    world.complete(*ALL)
    assert "web: telemetry: already there" in world.complete(*ALL)
    assert world.instance.get_runs_count() == 1


def test_only_what_is_missing_is_made(world: World) -> None:
    world.complete("raw")
    world.complete(*ALL)
    assert world.seen == [("raw", 3), ("clean", 3), ("features", 3)]


def test_a_slice_that_grew_is_made_again_over_all_its_days(world: World) -> None:
    world.complete("raw", part=Slice("web", PART.first, PART.first))
    world.complete("raw")
    assert world.seen == [("raw", 1), ("raw", 3)]


def test_a_failed_blocking_check_stops_what_follows_and_is_told_with_its_reason(world: World) -> None:
    world.invalid = True
    with pytest.raises(CloudOptimizerError) as caught:
        world.complete(*ALL, together=True)
    words = str(caught.value)
    assert f"Blocking checks stopped the run for cluster web, {PART.first} to {PART.last}" in words
    assert "clean valid (half of it is nonsense)" in words
    assert "features" not in dict(world.seen)


def test_running_again_after_a_failed_blocking_check_judges_again(world: World) -> None:
    world.invalid = True
    for _ in range(2):
        with pytest.raises(CloudOptimizerError, match="Blocking checks stopped"):
            world.complete(*ALL, together=True)
    world.invalid = False
    world.complete(*ALL, together=True)
    assert [name for name, _ in world.seen] == [*("raw", "clean") * 2, *ALL]


def test_a_failed_step_is_named_with_its_cause_on_one_line(world: World) -> None:
    world.broken = True
    with pytest.raises(CloudOptimizerError) as caught:
        world.complete(*ALL)
    words = str(caught.value)
    assert words.startswith(f"clean failed for cluster web, {PART.first} to {PART.last}: ")
    assert "The disk is full: make room." in words
    assert "\n" not in words
    assert "in the Dagster UI" in words


def test_ctrl_c_ends_the_run_and_the_next_one_goes_on_from_what_was_finished(world: World) -> None:
    world.interrupted = True
    with pytest.raises(KeyboardInterrupt):
        world.complete(*ALL)
    assert "web: telemetry: interrupted; what was finished is kept" in world.text.getvalue()
    assert [run.status for run in world.instance.get_runs()] == [DagsterRunStatus.FAILURE]
    world.interrupted = False
    world.complete(*ALL)
    assert [name for name, _ in world.seen] == ["raw", "clean", "clean", "features"]


def test_a_run_whose_storage_was_lost_is_made_again_and_one_whose_statement_took_too_long_is_not(world: World) -> None:
    lost, slow = Troubled(AdminShutdown()), Troubled(QueryCanceled())
    with pytest.raises(CloudOptimizerError, match="again and again while the graph ran"):
        replace(world.materializer, graph=lost).run(ALL, PART, lambda _: None)
    with pytest.raises(OperationalError, match="QueryCanceled"):
        replace(world.materializer, graph=slow).run(ALL, PART, lambda _: None)
    assert (lost.runs, slow.runs) == (TRIES, 1)


@pytest.mark.parametrize(
    ("said", "told"),
    [(AdminShutdown(), "did not come back"), (QueryCanceled(), "QueryCanceled")],
    ids=["lost", "slow"],
)
def test_a_lost_run_that_cannot_be_recorded_as_ended_is_told_with_its_own_cause(
    world: World, said: psycopg.Error, told: str
) -> None:
    lost, deaf = Troubled(AdminShutdown()), cast(DagsterInstance, Deaf(said))
    with pytest.raises((CloudOptimizerError, OperationalError), match=told):
        replace(world.materializer, graph=lost, instance=deaf).run(ALL, PART, lambda _: None)


def test_every_step_is_told_while_it_runs(world: World) -> None:
    steps: list[str] = []
    world.materializer.run(ALL, PART, steps.append)
    assert steps == list(ALL)
