"""Panels that the feature tests share: gaps, off periods, values of very different size."""

from datetime import UTC, datetime, timedelta

import numpy as np

from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.features.registry import OBSERVATIONS
from cloud_optimizer.core.panel import Panel

START = datetime(2024, 1, 1, 5, tzinfo=UTC)


def random_panel(count: int, length: int, seed: int, *, gap_share: float = 0.1, step: timedelta = HOUR) -> Panel:
    """Return a panel of all observation columns with random gaps and one off period a workload, from `START` on."""
    random = np.random.default_rng(seed)
    columns = {}
    for name in OBSERVATIONS:
        values = random.lognormal(size=(count, length)).astype(np.float32) * (1e9 if "bytes" in name else 1)
        values[random.random((count, length)) < gap_share] = np.nan
        columns[name] = values
    for row in range(count):
        low = random.integers(0, max(length - 10, 1))
        for name in OBSERVATIONS:
            columns[name][row, low : low + 10] = 0 if "capacity" in name else np.nan
    return Panel(tuple(f"w{row}" for row in range(count)), START, step, columns)
