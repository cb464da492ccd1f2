"""Dagster's runs and events live in the platform's PostgreSQL, on pooled connections."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from dagster import (
    AssetExecutionContext,
    AssetKey,
    BackfillPolicy,
    DagsterInstance,
    DagsterRunStatus,
    DailyPartitionsDefinition,
    Definitions,
    MaterializeResult,
    asset,
    in_process_executor,
    materialize,
)
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from rich.console import Console

from cloud_optimizer.cli.graph import open_instance
from cloud_optimizer.cli.materialize import Materializer
from cloud_optimizer.cli.serve import dagster_home
from cloud_optimizer.partitions import BACKFILL_POLICY, DAYS, PARTITIONS, Slice
from cloud_optimizer.resources.postgres import EmbeddedPostgres
from cloud_optimizer.settings import Settings

SHOW = """
import json
from dagster import DagsterInstance
with DagsterInstance.get() as instance:
    print(json.dumps({
        "runs": [run.run_id for run in instance.get_runs()],
        "run_monitoring": instance.run_monitoring_enabled,
        "run_retries": instance.run_retries_enabled,
        "telemetry": instance.telemetry_enabled,
    }))
"""


@asset
def upstream() -> int:
    return 1


@asset
def downstream(upstream: int) -> int:
    return upstream + 1


@asset
def failing() -> None:
    raise RuntimeError("as asked")


@asset(
    partitions_def=DailyPartitionsDefinition("2026-01-01", end_date="2026-02-01"),
    backfill_policy=BackfillPolicy.single_run(),
)
def daily(context: AssetExecutionContext) -> MaterializeResult:
    for key in context.partition_keys:
        context.add_asset_metadata({"day": int(key[-2:])}, partition_key=key)
    return MaterializeResult()


@pytest.fixture(scope="module")
def settings(postgres_server: EmbeddedPostgres) -> Settings:
    return Settings(home=postgres_server.folder.parent)


@pytest.fixture(scope="module")
def instance(settings: Settings) -> Iterator[DagsterInstance]:
    with open_instance(settings) as opened:
        yield opened


def test_a_run_on_postgresql_reaches_success_and_its_events_are_there_for_others(
    instance: DagsterInstance, settings: Settings
) -> None:
    result = materialize([upstream, downstream], instance=instance)
    assert result.success
    with open_instance(settings) as other:
        run = other.get_run_by_id(result.run_id)
        assert run is not None
        assert run.status == DagsterRunStatus.SUCCESS
        record = other.get_latest_materialization_event(AssetKey("downstream"))
        assert record is not None
        assert record.run_id == result.run_id


def test_a_failed_run_is_recorded_as_failed(instance: DagsterInstance) -> None:
    result = materialize([failing], instance=instance, raise_on_error=False)
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.status == DagsterRunStatus.FAILURE


def test_connections_are_kept_open_between_events(instance: DagsterInstance, postgres_server: EmbeddedPostgres) -> None:
    materialize([upstream], instance=instance)
    with psycopg.connect(postgres_server.uri("postgres")) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'dagster' AND state = 'idle'"
        (idle,) = connection.execute(query).fetchone() or (0,)
    assert 1 <= idle <= 10


def test_the_partitions_of_one_step_are_recorded_in_one_transaction(
    instance: DagsterInstance, postgres_server: EmbeddedPostgres
) -> None:
    tags = {ASSET_PARTITION_RANGE_START_TAG: "2026-01-01", ASSET_PARTITION_RANGE_END_TAG: "2026-01-31"}
    run = materialize([daily], instance=instance, tags=tags)
    logs = instance.fetch_materializations(AssetKey("daily"), limit=100).records
    days = {record.partition_key: record.asset_materialization.metadata["day"].value for record in logs}
    assert days == {f"2026-01-{day:02d}": day for day in range(1, 32)}
    with psycopg.connect(postgres_server.uri("dagster")) as connection:
        query = "SELECT count(DISTINCT xmin::text) FROM event_logs WHERE run_id = %s AND dagster_event_type = %s"
        found = connection.execute(query, (run.run_id, "ASSET_MATERIALIZATION")).fetchone()
    assert found == (1,)


def test_an_instance_opened_by_hand_finds_the_same_runs_and_is_set_for_lost_workers(
    instance: DagsterInstance, settings: Settings
) -> None:
    """As `dagster dev` does: DAGSTER_HOME and CLOUD_OPTIMIZER_HOME, nothing else."""
    result = materialize([upstream], instance=instance)
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(dagster_home(settings)),
        "CLOUD_OPTIMIZER_HOME": str(settings.home),
    }
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SHOW], env=environment, capture_output=True, text=True, check=True
    )
    found = json.loads(shown.stdout)
    assert result.run_id in found.pop("runs")
    assert found == {"run_monitoring": True, "run_retries": True, "telemetry": False}


def test_the_instance_file_beside_the_state_follows_that_of_the_checkout(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    folder = dagster_home(settings)
    first = (folder / "dagster.yaml").read_bytes()
    (folder / "dagster.yaml").write_text("old: file")
    assert dagster_home(settings) == folder == tmp_path / "dagster"
    assert (folder / "dagster.yaml").read_bytes() == first


def test_a_run_under_which_the_server_is_restarted_completes() -> None:
    home = Path(tempfile.mkdtemp(prefix="co-inst-"))
    home.chmod(0o755)
    server = EmbeddedPostgres(home, settings={"fsync": "off"}).start()

    @asset(partitions_def=PARTITIONS, backfill_policy=BACKFILL_POLICY)
    def before() -> None:
        server.stop()
        threading.Timer(1.0, server.start).start()

    @asset(partitions_def=PARTITIONS, backfill_policy=BACKFILL_POLICY, deps=[before])
    def after() -> None: ...

    part = Slice("web", DAYS.start.date(), DAYS.start.date() + timedelta(days=3))
    try:
        with open_instance(Settings(home=home)) as opened:
            opened.add_dynamic_partitions("cluster", ["web"])
            graph = Definitions([before, after], executor=in_process_executor).resolve_implicit_global_asset_job_def()
            Materializer(graph, opened, Console(quiet=True)).run(["before", "after"], part, lambda _: None)
            assert len(opened.get_materialized_partitions(AssetKey("after"))) == 4
            assert {run.status for run in opened.get_runs()} == {DagsterRunStatus.SUCCESS}
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)
