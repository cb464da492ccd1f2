"""Settings of a state folder of the test's own, for commands that run inside the test's process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_optimizer.settings import load_settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the state folder; nothing is made in it."""
    folder = tmp_path / "home"
    monkeypatch.setenv("CLOUD_OPTIMIZER_HOME", str(folder))
    load_settings.cache_clear()
    yield folder
    load_settings.cache_clear()
