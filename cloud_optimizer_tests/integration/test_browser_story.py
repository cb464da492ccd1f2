"""The story of a retraining as a person sees it in the UI: bad data in, a check turns red, models are trained again."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from playwright.sync_api import Page, expect
from rich.console import Console

from cloud_optimizer.cli.graph import open_instance
from cloud_optimizer.cli.materialize import Materializer
from cloud_optimizer.connections import local_platform
from cloud_optimizer.core.contracts import DAY, TARGETS
from cloud_optimizer.core.simulator.settings import SimulatorSettings
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.partitions import Slice
from cloud_optimizer.resources.telemetry.simulator import SimulatorSource
from cloud_optimizer.resources.warehouse import HOURS
from cloud_optimizer.settings import Settings, record_first_day
from cloud_optimizer_tests.integration.ui import CHROMIUM, browser_page, materialize, served

CLUSTER = "shop"
DAYS = 30
TODAY = datetime.now(UTC).date()
LAST = TODAY - DAY
CHAMPION = ("seasonal_naive_model", "lightgbm_model", "model_comparison", "champion_model", "demand_forecast")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"),
    pytest.mark.timeout(600),
]


@dataclass(frozen=True)
class Story:
    """Where it takes place."""

    address: str
    settings: Settings


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    """A platform with a champion, on whose newest day demand is twice what it was."""
    home = Path(tempfile.mkdtemp(prefix="co-story-"))
    home.chmod(0o755)
    settings = Settings(home=home, replay_days=14)
    simulator = SimulatorSettings(
        clusters=(CLUSTER,), workloads_per_cluster=3, start=TODAY - timedelta(days=DAYS), days=DAYS
    )
    try:
        with local_platform(settings) as platform, open_instance(settings) as instance:
            platform.telemetry.register(SimulatorSource(simulator), simulator.model_dump(mode="json"))
            record_first_day(home, simulator.start)
            instance.add_dynamic_partitions("cluster", [CLUSTER])
            job = build_defs(settings).resolve_implicit_global_asset_job_def()
            materializer = Materializer(job, instance, Console(quiet=True))
            telemetry = ("raw_workload_metrics", "workload_metrics", "quarantined_metrics", "workload_features")
            materializer.run(telemetry, Slice(CLUSTER, simulator.start, LAST), lambda _: None)
            materializer.run(CHAMPION, Slice(CLUSTER, LAST - DAY, LAST - DAY), lambda _: None)
            hours = platform.warehouse.read(HOURS, CLUSTER, LAST, LAST + DAY)
            doubled = hours.with_columns(pl.col([target.column for target in TARGETS]) * 2)
            platform.warehouse.replace(CLUSTER, LAST, LAST + DAY, {HOURS: doubled})
            materializer.run(("forecast_accuracy",), Slice(CLUSTER, LAST, LAST), lambda _: None)
            with served(home) as address:
                yield Story(address, settings)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def page() -> Iterator[Page]:
    with browser_page() as opened:
        yield opened


def test_bad_data_turns_a_check_red_which_leads_to_a_retraining_that_says_why_it_ended_as_it_did(
    page: Page, story: Story
) -> None:
    materialize(page, story.address, "drift_report", LAST.isoformat())

    page.goto(f"{story.address}/assets/drift_report?view=checks&checkDetail=target_drift")
    expect(page.get_by_text("Failed").first).to_be_visible()

    page.goto(f"{story.address}/runs")
    expect(page.get_by_role("link", name="retraining", exact=True)).to_be_visible()
    expect(page.get_by_text(f"target_drift failed for {CLUSTER}|{LAST}")).to_be_visible()
    page.get_by_role("link", name=re.compile("run [0-9a-f]{8}")).first.click()
    expect(page.get_by_text("Success", exact=True).first).to_be_visible(timeout=240_000)

    page.goto(f"{story.address}/assets/champion_model?partition={CLUSTER}%7C{LAST}&view=partitions")
    expect(page.get_by_text(re.compile(r"(stays champion|replaces lightgbm version 1)")).first).to_be_visible()
