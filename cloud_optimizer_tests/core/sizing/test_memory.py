"""What is remembered of how often a workload exceeded a size, by hand."""

import numpy as np
import pytest

from cloud_optimizer.core.sizing.memory import FAST, MEMORY_FEATURES, SLOW, ExceedanceMemory


def memory_of(*hours: list[float]) -> ExceedanceMemory:
    memory = ExceedanceMemory(1, unit=1.0)
    for samples in hours:
        memory.observe(np.array([samples], dtype=np.float32))
    return memory


def at(memory: ExceedanceMemory, size: float) -> dict[str, float]:
    values = memory.features(np.array([0]), np.array([size]))[0]
    return dict(zip(MEMORY_FEATURES, values.tolist(), strict=True))


def test_shares_of_one_hour_are_its_samples_above() -> None:
    seen = at(memory_of([1.0, 1.0, 3.0, 3.0]), 2.0)
    assert seen["share_fast"] == seen["share_slow"] == pytest.approx(0.5)
    assert seen["share_of_hours"] == pytest.approx(1.0)


def test_later_hours_weigh_more_and_sooner_in_the_fast_memory() -> None:
    seen = at(memory_of([3.0], [1.0]), 2.0)
    assert seen["share_fast"] == pytest.approx(FAST / (FAST + 1))
    assert seen["share_slow"] == pytest.approx(SLOW / (SLOW + 1))
    assert seen["share_fast"] < seen["share_slow"] < 0.5


def test_hours_without_a_sample_change_nothing() -> None:
    memory = memory_of([1.0, 3.0], [np.nan, np.nan], [np.nan, np.nan])
    assert memory.hours[0] == 1
    assert at(memory, 2.0)["share_fast"] == pytest.approx(0.5)


def test_missing_samples_of_an_hour_carry_no_weight() -> None:
    assert at(memory_of([3.0, np.nan, 1.0, np.nan]), 2.0)["share_slow"] == pytest.approx(0.5)


def test_shares_never_grow_with_the_size() -> None:
    samples = np.random.default_rng(0).lognormal(0, 1, (50, 1, 12)).astype(np.float32)
    memory = ExceedanceMemory(1, unit=1.0)
    for hour in samples:
        memory.observe(hour)
    sizes = np.geomspace(0.02, 30, 40)
    shares = memory.features(np.zeros(40, dtype=np.intp), sizes)
    assert (np.diff(shares, axis=0) <= 1e-6).all()
