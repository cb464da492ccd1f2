"""Small synthetic panels for the forecasting tests."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.panel import Panel

START = datetime(2026, 1, 5, tzinfo=UTC)


def make_panel(workloads: int = 5, days: int = 35, step: timedelta = HOUR, seed: int = 0) -> Panel:
    """Return workloads of sizes 1, 2, 4, ... with a daily rhythm and noise; memory is a slow level."""
    random = np.random.default_rng(seed)
    length = timedelta(days=days) // step
    hours = np.arange(length) * (step / HOUR)
    size = 2.0 ** np.arange(workloads)[:, None]
    rhythm = 1 + 0.6 * np.sin(2 * np.pi * (hours / 24 + np.arange(workloads)[:, None] / workloads))
    mean = size * rhythm * np.exp(0.15 * random.normal(size=(workloads, length)))
    memory = 1e9 * size * np.exp(np.cumsum(0.01 * random.normal(size=(workloads, length)), axis=1))
    columns = {
        "cpu_usage_cores_mean": mean,
        "cpu_usage_cores_max": mean * (1.2 + 0.3 * random.random(mean.shape)),
        "cpu_capacity_cores": np.broadcast_to(4 * size, mean.shape),
        "memory_usage_bytes_mean": memory,
        "memory_usage_bytes_max": memory * 1.1,
        "memory_capacity_bytes": np.broadcast_to(8e9 * size, mean.shape),
    }
    float32 = {name: values.astype(np.float32) for name, values in columns.items()}
    return Panel(tuple(f"vm-{i}" for i in range(workloads)), START, step, float32)


@pytest.fixture(scope="session")
def panel() -> Panel:
    return make_panel()


@pytest.fixture(scope="session")
def settings() -> ForecastSettings:
    return ForecastSettings(targets=("cpu_mean", "memory_peak"), calibration_days=7)
