"""Commands that run inside the test's own process: their settings, and what they do to the environment."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_optimizer.settings import load_settings


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Put back what a command set for its child processes."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a state folder of the test's own; nothing is made in it."""
    folder = tmp_path / "home"
    monkeypatch.setenv("CLOUD_OPTIMIZER_HOME", str(folder))
    load_settings.cache_clear()
    yield folder
    load_settings.cache_clear()
