"""The Dagster UI of a state folder, served as `cloud-optimizer dev` does, and a browser in front of it."""

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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from playwright.sync_api import Locator, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
STARTED_SECONDS = 120
PATIENCE_MS = 120_000
CHOICE_MS = 10_000


@contextmanager
def served(home: Path, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Give the address of a Dagster UI with its daemon on the state of a folder; afterwards nothing of it runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "CLOUD_OPTIMIZER_HOME": str(home), **(settings or {})}
    command = [sys.executable, "-m", "cloud_optimizer.cli", "dev", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_served(f"http://127.0.0.1:{port}/server_info", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        assert _family(home) == [], "Ctrl-C left processes behind"


@contextmanager
def browser_page() -> Iterator[Page]:
    """Give a browser page that waits patiently: CI machines are slow."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        opened = browser.new_page(viewport={"width": 1500, "height": 950})
        opened.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield opened
        browser.close()


def materialize(page: Page, address: str, asset: str, day: str) -> None:
    """Materialize one day of every cluster by hand, from the page of the asset."""
    page.goto(f"{address}/assets/{asset}")
    page.get_by_role("button", name="Materialize").first.click()
    dialog = page.get_by_role("dialog")
    launch = dialog.get_by_role("button", name=re.compile("Launch"))
    _select_until_launchable(dialog, launch, day)
    launch.click()
    expect(dialog).to_be_hidden()


def _select_until_launchable(dialog: Locator, launch: Locator, day: str) -> None:
    """Choose the partitions, again where the dialog did not take the choice: seen once, on a machine at its limit."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while True:
        dialog.get_by_role("button", name="All", exact=True).first.click()
        dialog.get_by_placeholder("ex:").fill(day)
        dialog.get_by_placeholder("ex:").press("Enter")
        try:
            expect(launch).to_be_enabled(timeout=CHOICE_MS)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        else:
            return


def _family(home: Path) -> list[str]:
    """Return the command lines of all processes that were started for a state folder by `cloud-optimizer dev`."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("CLOUD_OPTIMIZER_HOME") == str(home):
                found.append(" ".join(process.cmdline()))
    return found


def _wait_until_served(url: str, process: subprocess.Popen[bytes]) -> None:
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
