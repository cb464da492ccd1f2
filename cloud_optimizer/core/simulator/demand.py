"""How much a simulated workload would use if it had all it wants: rhythm, trend, bursts, regime and noise, in cores."""

from dataclasses import dataclass

import numpy as np

from cloud_optimizer.core.simulator.fleet import REGIME_SHIFT, Fleet, position_of
from cloud_optimizer.core.simulator.randomness import Array, keys_of, smooth, uniform
from cloud_optimizer.core.simulator.settings import SimulatorSettings

REGIME_FACTOR = 1.9
"""Demand after the regime change, multiple of the demand before it."""
REGIME_AT = 2.0 / 3.0
"""When the regime changes, share of the simulated range."""
NIGHTLY_IDLE = 0.08
"""Demand of a nightly job outside its window, share of the base."""
BURST_HOURS = 3


@dataclass(frozen=True)
class Clock:
    """The time axis of one block.

    Args:
        hours: Hours since 1970-01-01, shape [T].
        start_hour: The same for the first simulated instant.
        range_hours: Length of the simulated range.
    """

    hours: Array
    start_hour: float
    range_hours: float

    @property
    def days_since_start(self) -> Array:
        """Days since the first simulated instant, shape [T]."""
        return (self.hours - self.start_hour) / 24.0


def expected_demand(fleet: Fleet, clock: Clock) -> Array:
    """Return the demand without noise and bursts, cores, shape [n, T]."""
    hour = clock.hours % 24.0
    wave = np.cos(2.0 * np.pi * (hour - fleet.phase_hours) / 24.0)
    second = np.cos(4.0 * np.pi * (hour - fleet.phase_hours - 1.5) / 24.0)
    daily = 1.0 + fleet.amplitude * (wave + 0.25 * second)
    from_peak = np.abs((hour - fleet.phase_hours + 12.0) % 24.0 - 12.0)
    window = NIGHTLY_IDLE + 3.0 / (1.0 + np.exp(4.0 * (from_peak - 2.0)))
    # 1970-01-01 was a Thursday: day 0 is weekday 3, and 5 and 6 are the weekend.
    weekday = (np.floor(clock.hours / 24.0) + 3.0) % 7.0
    weekly = np.where(weekday >= 5.0, fleet.weekend, 1.0)
    trend = np.maximum(1.0 + fleet.trend_per_day * clock.days_since_start, 0.2)
    return fleet.base_cores * np.where(fleet.nightly, window, daily) * weekly * trend * _regime(fleet, clock)


def _regime(fleet: Fleet, clock: Clock) -> Array:
    shifts = np.arange(len(fleet.workload_ids))[:, None] == position_of(fleet, REGIME_SHIFT)
    after = clock.hours - clock.start_hour >= REGIME_AT * clock.range_hours
    return np.where(shifts & after, REGIME_FACTOR, 1.0)


def actual_demand(settings: SimulatorSettings, cluster: str, fleet: Fleet, clock: Clock) -> Array:
    """Return the demand with bursts and noise at four time scales, cores, shape [n, T]."""
    step_hours = settings.cadence_seconds / 3600.0
    scales = (("day", 24.0, 1.2), ("hours", 3.0, 0.8), ("fast", 0.5, 0.6), ("sample", step_hours, 0.6))
    noise = sum(
        (
            weight * smooth(keys_of(settings.seed, cluster, fleet.workload_ids, f"noise/{name}"), clock.hours, period)
            for name, period, weight in scales
        ),
        start=np.zeros_like(clock.hours),
    )
    quiet = expected_demand(fleet, clock)
    return quiet * np.exp(fleet.noise * noise) + fleet.base_cores * _bursts(settings, cluster, fleet, clock)


def _bursts(settings: SimulatorSettings, cluster: str, fleet: Fleet, clock: Clock) -> Array:
    """Return the height of the bursts that run, in multiples of the base: sudden onset, decay within BURST_HOURS."""
    keys = [keys_of(settings.seed, cluster, fleet.workload_ids, f"burst/{name}") for name in ("start", "height", "at")]
    total = np.zeros((len(fleet.workload_ids), clock.hours.size))
    for back in range(BURST_HOURS):
        hour = np.floor(clock.hours).astype(np.int64) - back
        starts = uniform(keys[0], hour) < fleet.burst_chance
        age = clock.hours - hour - uniform(keys[2], hour)
        height = 0.5 + 2.0 * uniform(keys[1], hour)
        total += np.where(starts & (age >= 0.0), height * np.exp(-1.5 * age) * (age < BURST_HOURS - 1.0), 0.0)
    return total
