"""A fleet whose peaks are known in advance: some workloads reach their capacity on weekdays, the others hardly ever."""

from datetime import UTC, datetime, timedelta

import numpy as np

from cloud_optimizer.core.panel import Panel

START = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
CAPACITY = 4.0
HOURS = 24


def peaky_panel(days: int = 50, workloads: int = 24, seed: int = 0) -> Panel:
    """Every third workload peaks at noon of a weekday with probability 0.5; anyone peaks with probability 0.005."""
    rng = np.random.default_rng(seed)
    demand = rng.uniform(0.5, 2.5, (workloads, days * HOURS))
    weekday = np.arange(days) % 7 < 5
    peaky = (np.arange(workloads) % 3 == 0)[:, None] & weekday & (rng.random((workloads, days)) < 0.5)
    peaks = peaky | (rng.random((workloads, days)) < 0.005)
    demand[:, 12::HOURS] = np.where(peaks, CAPACITY, demand[:, 12::HOURS])
    names = tuple(f"w{i:02d}" for i in range(workloads))
    columns = {
        "cpu_usage_cores_max": demand.astype(np.float32),
        "cpu_capacity_cores": np.full(demand.shape, CAPACITY, dtype=np.float32),
    }
    return Panel(names, START, timedelta(hours=1), columns)
