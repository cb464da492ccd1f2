"""A fleet rebuilt from hourly means and peaks: they stay what they were, and what is unknown stays unknown."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from benchmarks.rebuilt_fleet import rebuilt, rebuilt_from_each_other
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
    return rebuilt(fleet, fine(2, 4, 24))


def test_every_hour_keeps_its_peak_and_its_mean(fleet: Panel, data: ReplayData) -> None:
    samples = data.usage.reshape(3, 48, 12)
    on = np.isfinite(samples[:, :, 0])
    np.testing.assert_allclose(samples.max(axis=2)[on], fleet["cpu_usage_cores_max"][on], rtol=1e-5)
    np.testing.assert_allclose(samples.mean(axis=2)[on], fleet["cpu_usage_cores_mean"][on], rtol=1e-5)
    assert (samples[on] >= 0.0).all()


def test_unknown_hours_and_machines_that_are_off_stay_unobserved(data: ReplayData) -> None:
    samples = data.usage.reshape(3, 48, 12)
    assert np.isnan(samples[0, 7]).all()
    assert np.isnan(samples[1, 9]).all()
    assert np.isnan(samples).sum() == 24
    assert np.array_equal(np.isnan(data.usage), np.isnan(data.capacity))


def test_an_hour_takes_the_shape_of_the_hour_that_resembles_it() -> None:
    late, early = np.r_[np.zeros(6), np.ones(6)], np.r_[np.ones(6), np.zeros(6)]
    usage = np.stack([np.r_[np.zeros(12), late, np.ones(12)], np.r_[np.ones(12), early, np.zeros(12)]]).astype(
        np.float32
    )
    columns = {"cpu_usage_cores_mean": usage, "cpu_capacity_cores": np.full_like(usage, 4)}
    donors = Panel(("rises", "falls"), START, FIVE_MINUTES, columns)
    twice = hourly(donors)
    scaled = Panel(("x", "y"), START, HOUR, {name: values * np.float32(2) for name, values in twice.columns.items()})
    np.testing.assert_allclose(rebuilt(scaled, donors).usage, 2 * usage, rtol=1e-5)


def test_a_valley_deeper_than_nothing_takes_from_the_other_samples_not_from_mean_or_peak() -> None:
    usage = np.array([[1.0] * 24 + [1.9] * 10 + [0.05, 2.0]], dtype=np.float32)
    columns = {"cpu_usage_cores_mean": usage, "cpu_capacity_cores": np.full_like(usage, 4)}
    donors = Panel(("deep",), START, FIVE_MINUTES, columns)
    machines = hourly(donors)
    machines.columns["cpu_usage_cores_mean"][0, 2], machines.columns["cpu_usage_cores_max"][0, 2] = 1.0, 3.0
    hour = rebuilt(machines, donors).usage[0, 24:]
    assert hour.max() == pytest.approx(3.0)
    assert hour.mean() == pytest.approx(1.0)
    assert hour.min() == 0.0


def test_machines_are_rebuilt_from_each_other_in_the_order_of_their_samples() -> None:
    known = fine(3, 4, 24)
    made, real = rebuilt_from_each_other(hourly(known), known)
    assert made.workload_ids == real.workload_ids
    assert set(real.workload_ids) == set(known.workload_ids)
    means = (data.usage.reshape(4, 24, 12).mean(axis=2) for data in (made, real))
    np.testing.assert_allclose(*means, rtol=1e-5)
    assert not np.allclose(made.usage, real.usage)  # from each other, not from themselves


def test_donors_without_a_shape_are_refused() -> None:
    flat = np.ones((1, 24), dtype=np.float32)
    donors = Panel(("flat",), START, FIVE_MINUTES, {"cpu_usage_cores_mean": flat, "cpu_capacity_cores": 4 * flat})
    with pytest.raises(ValueError, match="no complete hour"):
        rebuilt(hourly(donors), donors)


def test_a_steady_hour_is_steady(data: ReplayData) -> None:
    assert np.ptp(data.usage.reshape(3, 48, 12)[2, 5]) == 0.0
