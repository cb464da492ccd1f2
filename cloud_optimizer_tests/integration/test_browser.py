"""A person in the Dagster UI: a real browser on a real `cloud-optimizer dev`."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from cloud_optimizer.cli.graph import open_instance
from cloud_optimizer_tests.integration.conftest import CLUSTER, LAST, Workbench

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
GROUPS = ("ingestion", "validation", "features", "training", "champion", "forecasting", "decisions", "monitoring")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
STARTED_SECONDS = 120
PATIENCE_MS = 120_000

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"),
    pytest.mark.timeout(420),
]


@pytest.fixture(scope="module")
def address(workbench: Workbench) -> Iterator[str]:
    """Return the address of a Dagster UI with its daemon on the platform's state."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with open_instance(workbench.platform.settings) as instance:
        instance.add_dynamic_partitions("cluster", [CLUSTER])
    environment = {**os.environ, "CLOUD_OPTIMIZER_HOME": str(workbench.platform.settings.home)}
    command = [sys.executable, "-m", "cloud_optimizer.cli", "dev", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_served(f"http://127.0.0.1:{port}/server_info", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        assert family(workbench.platform.settings.home) == [], "Ctrl-C left processes behind"


def family(home: Path) -> list[str]:
    """Return the command lines of all processes that were started for a state folder by `cloud-optimizer dev`."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("CLOUD_OPTIMIZER_HOME") == str(home):
                found.append(" ".join(process.cmdline()))
    return found


def wait_until_served(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait for the web server; fail when its process ended or it takes too long."""
    deadline = time.monotonic() + STARTED_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "cloud-optimizer dev ended before it served anything"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.5)
    raise AssertionError(f"nothing answered at {url} within {STARTED_SECONDS} s")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """Return a browser page that waits patiently: CI machines are slow."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        opened = browser.new_page(viewport={"width": 1500, "height": 950})
        opened.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield opened
        browser.close()


def test_a_person_sees_every_group_of_the_graph(page: Page, address: str) -> None:
    page.goto(f"{address}/asset-groups")
    for group in GROUPS:
        expect(page.get_by_text(group, exact=True).first).to_be_visible()


def test_a_person_materializes_an_asset_and_sees_the_run_succeed(page: Page, address: str) -> None:
    page.goto(f"{address}/assets/raw_workload_metrics")
    page.get_by_role("button", name="Materialize").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="All", exact=True).first.click()
    dialog.get_by_placeholder("ex:").fill(LAST.isoformat())
    dialog.get_by_placeholder("ex:").press("Enter")
    dialog.get_by_role("button", name=re.compile("Launch")).click()
    page.goto(f"{address}/runs")
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()
    page.goto(f"{address}/assets/raw_workload_metrics?partition={CLUSTER}%7C{LAST.isoformat()}&view=partitions")
    expect(page.get_by_text("dagster/partition_row_count").first).to_be_visible()
