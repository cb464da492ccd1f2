"""Small trace files, what reading them gives, and the sentence that refuses them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.telemetry.base import TelemetrySource
from cloud_optimizer.resources.telemetry.trace import TraceSource

HEADER = "timestamp,workload_id,cpu_usage_cores,cpu_capacity_cores\n"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def csv(folder: Path, text: str, name: str = "usage.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def everything(source: TelemetrySource, cluster: str | None = None) -> pl.DataFrame:
    name = cluster or source.clusters()[0]
    return source.read(name, *source.extent(name))


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        TraceSource(path, **options)
    return str(caught.value)


# Real traces
