"""A real platform on a small simulated fleet: embedded PostgreSQL, MLflow, Feast and a Dagster instance."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, JobDefinition, ResourceDefinition
from rich.console import Console

from cloud_optimizer.cli.materialize import Materializer
from cloud_optimizer.connections import Platform, local_platform
from cloud_optimizer.core.simulator.settings import SimulatorSettings
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.partitions import Slice
from cloud_optimizer.resources.telemetry.catalog import RegisteredSource
from cloud_optimizer.resources.telemetry.simulator import SimulatorSource
from cloud_optimizer.settings import Settings

CLUSTER = "web-test"
DAYS = 30
START = date(2026, 3, 2)
LAST = START + timedelta(days=DAYS - 1)
NOW = datetime(2026, 4, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Workbench:
    """What a test of the graph works with."""

    platform: Platform
    instance: DagsterInstance
    graph: JobDefinition
    source: RegisteredSource

    @property
    def materializer(self) -> Materializer:
        return Materializer(self.graph, self.instance, Console(quiet=True))

    def run(self, part: Slice, *assets: str) -> str:
        """Materialize assets over a slice; a failure raises."""
        return self.materializer.run(assets, part, lambda _: None)


def day(offset: int) -> Slice:
    """Return one partition, counted back from the last day of telemetry."""
    when = LAST - timedelta(days=offset)
    return Slice(CLUSTER, when, when)


@pytest.fixture(scope="package")
def platform() -> Iterator[Platform]:
    """Return a platform of its own in a new folder; everything is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="co-graph-"))
    home.chmod(0o755)
    settings = Settings(home=home, replay_days=14)
    try:
        with local_platform(settings) as opened:
            yield opened
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="package")
def workbench(platform: Platform) -> Iterator[Workbench]:
    """Return the platform with one simulated cluster registered and nothing materialized."""
    simulator = SimulatorSettings(clusters=(CLUSTER,), workloads_per_cluster=4, start=START, days=DAYS)
    (source,) = platform.telemetry.register(SimulatorSource(simulator), simulator.model_dump(mode="json"))
    clock = ResourceDefinition.hardcoded_resource(lambda: NOW)
    with DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("cluster", [CLUSTER])
        job = build_defs(platform.settings, {"clock": clock}).resolve_implicit_global_asset_job_def()
        yield Workbench(platform, instance, job, source)


def materialized(instance: DagsterInstance, asset: str) -> set[str]:
    """Return the partitions of an asset that exist."""
    return instance.get_materialized_partitions(AssetKey(asset))
