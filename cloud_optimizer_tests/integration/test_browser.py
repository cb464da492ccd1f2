"""A person in the Dagster UI: a real browser on a real `cloud-optimizer dev`."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from cloud_optimizer.cli.graph import open_instance
from cloud_optimizer_tests.integration.conftest import CLUSTER, LAST, Workbench
from cloud_optimizer_tests.integration.ui import CHROMIUM, browser_page, materialize, served

GROUPS = ("ingestion", "validation", "features", "training", "champion", "forecasting", "decisions", "monitoring")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"),
    pytest.mark.timeout(420),
]


@pytest.fixture(scope="module")
def address(workbench: Workbench) -> Iterator[str]:
    with open_instance(workbench.platform.settings) as instance:
        instance.add_dynamic_partitions("cluster", [CLUSTER])
    with served(workbench.platform.settings.home) as url:
        yield url


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser_page() as opened:
        yield opened


def test_a_person_sees_every_group_of_the_graph(page: Page, address: str) -> None:
    page.goto(f"{address}/asset-groups")
    for group in GROUPS:
        expect(page.get_by_text(group, exact=True).first).to_be_visible()


def test_a_person_materializes_an_asset_and_sees_the_run_succeed(page: Page, address: str) -> None:
    materialize(page, address, "raw_workload_metrics", LAST.isoformat())
    page.goto(f"{address}/runs")
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()
    page.goto(f"{address}/assets/raw_workload_metrics?partition={CLUSTER}%7C{LAST.isoformat()}&view=partitions")
    expect(page.get_by_text("dagster/partition_row_count").first).to_be_visible()
