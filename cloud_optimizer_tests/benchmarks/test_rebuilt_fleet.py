"""A fleet rebuilt from hourly means and peaks: they stay what they were, and what is unknown stays unknown."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from benchmarks.rebuilt_fleet import CANDIDATES, rebuilt
from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.replay.data import ReplayData

START = datetime(2026, 1, 5, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)


def fine(seed: int, machines: int, hours: int) -> Panel:
    usage = np.random.default_rng(seed).gamma(4.0, 0.25, (machines, hours * 12)).astype(np.float32)
    columns = {"cpu_usage_cores_mean": usage, "cpu_capacity_cores": np.full_like(usage, 8)}
    return Panel(tuple(f"m{seed}-{row}" for row in range(machines)), START, FIVE_MINUTES, columns)


def hourly(panel: Panel) -> Panel:
    samples = panel["cpu_usage_cores_mean"].reshape(len(panel.workload_ids), -1, 12)
    columns = {
        "cpu_usage_cores_mean": samples.mean(axis=2),
        "cpu_usage_cores_max": samples.max(axis=2),
        "cpu_capacity_cores": panel["cpu_capacity_cores"][:, ::12].copy(),
    }
    return Panel(panel.workload_ids, START, HOUR, columns)


@pytest.fixture(scope="module")
def fleet() -> Panel:
    machines = hourly(fine(1, 3, 48))
    for values in machines.columns.values():
        values[0, 7] = np.nan
    machines.columns["cpu_capacity_cores"][1, 9] = 0.0  # off
    machines.columns["cpu_usage_cores_max"][2, 5] = machines.columns["cpu_usage_cores_mean"][2, 5]  # steady
    return machines


@pytest.fixture(scope="module")
def data(fleet: Panel) -> ReplayData:
    return rebuilt(fleet, fine(2, 4, CANDIDATES))


def test_every_hour_keeps_its_peak_and_nearly_its_mean(fleet: Panel, data: ReplayData) -> None:
    samples = data.usage.reshape(3, 48, 12)
    on = np.isfinite(samples[:, :, 0])
    np.testing.assert_allclose(samples.max(axis=2)[on], fleet["cpu_usage_cores_max"][on], rtol=1e-5)
    np.testing.assert_allclose(samples.mean(axis=2)[on], fleet["cpu_usage_cores_mean"][on], rtol=0.1)
    assert (samples[on] >= 0.0).all()


def test_unknown_hours_and_machines_that_are_off_stay_unobserved(data: ReplayData) -> None:
    samples = data.usage.reshape(3, 48, 12)
    assert np.isnan(samples[0, 7]).all()
    assert np.isnan(samples[1, 9]).all()
    assert np.isnan(samples).sum() == 24
    assert np.array_equal(np.isnan(data.usage), np.isnan(data.capacity))


def test_a_steady_hour_is_steady(data: ReplayData) -> None:
    assert np.ptp(data.usage.reshape(3, 48, 12)[2, 5]) == 0.0
