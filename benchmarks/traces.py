"""The real traces beside the checkout, for the benchmarks that need them."""

from pathlib import Path
from typing import Final

TRACES: Final = Path(__file__).resolve().parents[2] / "shared" / "traces"
BITBRAINS: Final = TRACES / "bitbrains_rnd_dev.parquet"
BITBRAINS_FLEET: Final = TRACES / "bitbrains_rnd_hourly.parquet"


def missing_trace(path: Path) -> str:
    """Return why a benchmark cannot run without the trace; empty where it is there."""
    if path.is_file():
        return ""
    return f"the trace {path.name} is not beside this checkout (../shared/traces); name another file with --trace"
