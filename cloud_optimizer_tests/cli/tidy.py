"""Small tidy traces, and the command line called inside the test's own process."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cloud_optimizer.cli.main import main

START = datetime(2026, 3, 1, tzinfo=UTC)


def write_trace(path: Path, days: int, workloads: int = 4) -> Path:
    """Write hourly CPU and memory with a daily wave; workload i is about i + 1 times as large as the first."""
    random = np.random.default_rng(0)
    hours = np.arange(24 * days)
    frames = []
    for number in range(workloads):
        wave = (number + 1) * (0.6 + 0.3 * np.sin(2 * np.pi * hours / 24)) * random.lognormal(0, 0.15, len(hours))
        columns = {
            "timestamp": [START + timedelta(hours=int(hour)) for hour in hours],
            "workload_id": f"vm-{number}",
            "cpu_usage_cores": wave,
            "cpu_capacity_cores": 4.0 * (number + 1),
            "memory_usage_bytes": wave * 2**30,
            "memory_capacity_bytes": 8.0 * (number + 1) * 2**30,
        }
        frames.append(pl.DataFrame(columns))
    pl.concat(frames).write_parquet(path)
    return path


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """Run the command line as its script does; return the exit status."""
    monkeypatch.setattr(sys, "argv", ["cloud-optimizer", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)
