"""MLflow or PostgreSQL away: the run says what it waits for, nothing is half-promoted, and a rerun recovers."""

from datetime import date
from pathlib import Path

import polars as pl
import psycopg
import pytest
from dagster import DagsterInstance, ResourceDefinition, build_schedule_context
from polars.testing import assert_frame_equal

from cloud_optimizer.automation.schedules import daily_partition
from cloud_optimizer.cli.graph import Graph, Plan
from cloud_optimizer.cli.materialize import Materializer
from cloud_optimizer.core.clock import utc_now
from cloud_optimizer.core.contracts import Resource
from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.resources.model_registry import ModelRegistry, RegisteredVersion
from cloud_optimizer.resources.postgres.connection import WarehouseUnavailable
from cloud_optimizer.resources.telemetry.catalog import SourceAccess, SourceCatalog
from cloud_optimizer.resources.warehouse import CHAMPIONS
from cloud_optimizer_tests.integration.conftest import CLUSTER, Workbench, day


class BreaksAfterCpu(ModelRegistry):
    """A registry whose server goes away between the choice for CPU and the choice for memory."""

    def champion(self, cluster: str, resource: Resource, before: date | None = None) -> RegisteredVersion | None:
        if resource == "memory":
            raise ConnectionError("the MLflow server went away")
        return super().champion(cluster, resource, before=before)


@pytest.fixture(scope="module")
def complete(workbench: Workbench) -> Workbench:
    """Everything materialized; what other tests of the graph made is reused."""
    Graph(workbench.materializer, ["seasonal_naive_model", "lightgbm_model"]).run(Plan.of(workbench.source))
    return workbench


def choices(workbench: Workbench) -> pl.DataFrame:
    part = day(0)
    return workbench.platform.warehouse.read(CHAMPIONS, CLUSTER, part.first, part.next_day)


def with_registry(workbench: Workbench, registry: ModelRegistry) -> Materializer:
    override = {"model_registry": ResourceDefinition.hardcoded_resource(registry)}
    job = build_defs(workbench.platform.settings, override).resolve_implicit_global_asset_job_def()
    return Materializer(job, workbench.instance, workbench.materializer.console)


def test_a_registry_that_breaks_half_way_leaves_the_choice_as_it_was_and_a_rerun_finishes(complete: Workbench) -> None:
    before = choices(complete)
    healthy = complete.platform.model_registry
    broken = BreaksAfterCpu(healthy.tracking_uri, Path(complete.platform.settings.home / "models"))
    with pytest.raises(CloudOptimizerError, match=r"champion_model failed.*the MLflow server went away"):
        with_registry(complete, broken).run(["champion_model"], day(0), lambda _: None)
    assert_frame_equal(choices(complete), before)
    complete.run(day(0), "champion_model")
    assert_frame_equal(choices(complete), before)


def test_a_registry_that_is_away_is_named_within_seconds_and_nothing_changes(complete: Workbench) -> None:
    before = choices(complete)
    away = ModelRegistry("http://127.0.0.1:9", Path(complete.platform.settings.home / "models"))
    with pytest.raises(CloudOptimizerError, match=r"The MLflow server http://127.0.0.1:9 does not answer"):
        with_registry(complete, away).run(["champion_model"], day(0), lambda _: None)
    assert_frame_equal(choices(complete), before)


def test_a_server_that_ends_all_connections_as_in_a_restart_is_survived_by_the_next_run(complete: Workbench) -> None:
    complete.platform.warehouse.clusters()  # so that there is a connection to lose
    with psycopg.connect(complete.platform.urls.warehouse, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    complete.run(day(0), "cost_report")


def test_a_schedule_that_cannot_read_the_sources_says_so_and_requests_nothing(tmp_path: Path) -> None:
    catalog = SourceCatalog("postgresql://nobody@127.0.0.1:9/none", SourceAccess(tmp_path))
    with (
        DagsterInstance.local_temp(str(tmp_path)) as instance,
        build_schedule_context(instance, resources={"telemetry": catalog, "clock": utc_now}) as context,
        pytest.raises(WarehouseUnavailable, match="cannot be reached or went away: check that it runs"),
    ):
        list(daily_partition(context))
