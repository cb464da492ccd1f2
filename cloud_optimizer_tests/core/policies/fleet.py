"""Small made-up histories for the tests of policies and replays."""

from datetime import UTC, datetime, timedelta

import numpy as np

from cloud_optimizer.core.contracts import Resource
from cloud_optimizer.core.policies.history import History
from cloud_optimizer.core.replay.data import ReplayData

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)


def data_of(usage: np.ndarray, capacity: float = 4.0, step: timedelta = timedelta(hours=1)) -> ReplayData:
    """Return data that starts on Monday midnight; capacity is known where usage is."""
    values = np.atleast_2d(usage).astype(np.float32)
    provisioned = np.where(np.isfinite(values), np.float32(capacity), np.float32(np.nan))
    return ReplayData(values, provisioned, MONDAY, step, tuple(f"w{i}" for i in range(len(values))))


def history_of(data: ReplayData, decisions: list[int], resource: Resource = "cpu", period: int = 24) -> History:
    """Return a history with these decisions and no lag."""
    return History(data, np.array(decisions, dtype=np.intp), period, 0, resource)


def random_usage(seed: int, workloads: int = 3, slots: int = 24 * 20, gaps: float = 0.05) -> np.ndarray:
    """Return usage with a day, noise, bursts and gaps, shape [workloads, slots]."""
    generator = np.random.default_rng(seed)
    day = 1.0 + 0.5 * np.sin(np.arange(slots) * 2 * np.pi / 24)
    usage = day * generator.lognormal(0.0, 0.4, (workloads, slots))
    usage[generator.random((workloads, slots)) < 0.02] *= 3.0
    usage[generator.random((workloads, slots)) < gaps] = np.nan
    return usage
