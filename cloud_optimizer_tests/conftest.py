"""Fixtures every test may use."""

from pathlib import Path

import pytest

TRACES = Path(__file__).resolve().parents[2] / "shared" / "traces"


@pytest.fixture(scope="session")
def traces() -> Path:
    """Return the folder of real traces beside the repository, or skip."""
    if not TRACES.is_dir():
        pytest.skip("the real traces are not beside this checkout (../shared/traces)")
    return TRACES
