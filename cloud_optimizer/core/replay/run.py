"""Replays policies on one data set and compares them: `replay(data, policies, settings)` gives one score each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cloud_optimizer.core.policies.history import History
from cloud_optimizer.core.policies.oracle import Oracle
from cloud_optimizer.core.policies.plan import Array, Plan, Policy
from cloud_optimizer.core.replay.bootstrap import interval, resample_weights
from cloud_optimizer.core.replay.data import PERIOD, ReplayData
from cloud_optimizer.core.replay.engine import Outcome, simulate
from cloud_optimizer.core.replay.measures import (
    RATIO_BINS,
    Tally,
    concatenated,
    halves,
    ratio_histogram,
    scale_for,
    tally,
)
from cloud_optimizer.core.replay.settings import ReplaySettings

BLOCK = 512
"""Workloads simulated at once, which bounds memory: 90 days at 5 minutes are 53 MB an array."""

EQUAL_VIOLATIONS = {"provision_at_1pct": 0.01, "provision_at_0_1pct": 0.001}

Interval = tuple[float, float] | None


@dataclass(frozen=True)
class PolicyScore:
    """Every measure of one policy, with 95 % intervals over workloads.

    Args:
        policy: Name.
        values: Measure to value; NaN where undefined.
        intervals: Measure to interval; none where undefined.
        difference: Interval of this policy's provision less that of `cloud_optimizer`, paired.
    """

    policy: str
    values: dict[str, float]
    intervals: dict[str, Interval]
    difference: Interval = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values; undefined is null."""
        plain = {name: value if np.isfinite(value) else None for name, value in self.values.items()}
        return {
            "policy": self.policy,
            **plain,
            "intervals": self.intervals,
            "provision_less_cloud_optimizer": self.difference,
        }


@dataclass
class _Result:
    """Resampled sums of one policy; index 0 of every array is the sample itself, the rest are resamples."""

    ratios: dict[str, Array] = field(default_factory=dict)
    cost: Array = field(default_factory=lambda: np.empty(0))
    static: Array = field(default_factory=lambda: np.empty(0))


def history_for(data: ReplayData, settings: ReplaySettings) -> History:
    """Return the decisions of the contract after the warm-up, on this data.

    Raises:
        InputError: Too little data is left after the warm-up.
    """
    decisions = data.decisions(settings.cadence, data.scored_from(settings.warm_up))
    period = data.slots(PERIOD[settings.cadence])
    return History(data, decisions, period, data.slots(settings.apply_lag), settings.resource)


def replay(data: ReplayData, policies: Sequence[Policy], settings: ReplaySettings) -> tuple[PolicyScore, ...]:
    """Replay every policy under the contract and score it, in the order given.

    Raises:
        InputError: Too little data is left after the warm-up.
    """
    history = history_for(data, settings)
    count = len(data.usage)
    weights = np.vstack([np.ones((1, count)), resample_weights(count, settings.resamples, settings.seed)])
    oracle = Oracle(settings.cadence)
    results = {policy.name: _evaluate(policy, history, settings, weights) for policy in policies}
    best = results.get(oracle.name) or _evaluate(oracle, history, settings, weights)
    return tuple(_score(name, result, best, results.get("cloud_optimizer")) for name, result in results.items())


def _evaluate(policy: Policy, history: History, settings: ReplaySettings, weights: Array) -> _Result:
    plan = policy.plan(history)
    whole = slice(int(history.decisions[0]), history.data.length)
    tune, test = halves(history.data, whole.start)
    tallies, histogram = [], np.zeros(RATIO_BINS, dtype=np.intp)
    for data, outcome in _outcomes(history.data, plan, settings):
        tallies.append(tally(data, outcome, whole))
        histogram += ratio_histogram(data, outcome, tune, settings.smallest)
    scales = {name: scale_for(histogram, share) for name, share in EQUAL_VIOLATIONS.items()}
    scaled: dict[str, list[Tally]] = {name: [] for name in scales}
    for data, outcome in _outcomes(history.data, plan, settings):
        for name, scale in scales.items():
            scaled[name].append(tally(data, outcome, test, scale, settings.smallest))
    return _resampled(concatenated(tallies), {name: concatenated(parts) for name, parts in scaled.items()}, weights)


def _outcomes(data: ReplayData, plan: Plan, settings: ReplaySettings) -> Iterator[tuple[ReplayData, Outcome]]:
    for first in range(0, len(data.usage), BLOCK):
        rows = slice(first, first + BLOCK)
        part = data.rows(rows)
        yield part, simulate(part, plan.rows(rows), settings)


def _resampled(total: Tally, scaled: dict[str, Tally], weights: Array) -> _Result:
    ratios = total.ratios(weights)
    for name, part in scaled.items():
        at = part.ratios(weights)
        ratios[name] = at["provision"]
        ratios[name.replace("provision", "violating_observations")] = at["violating_observations"]
    return _Result(ratios, weights @ total.capacity, weights @ total.static)


def _score(name: str, result: _Result, oracle: _Result, ours: _Result | None) -> PolicyScore:
    gain = result.static - oracle.cost
    regret = np.divide(result.cost - oracle.cost, gain, out=np.full_like(gain, np.nan), where=gain > 0)
    ratios = {**result.ratios, "regret": regret}
    difference = None if ours is None else interval((result.ratios["provision"] - ours.ratios["provision"])[1:])
    return PolicyScore(
        name,
        {measure: float(values[0]) for measure, values in ratios.items()},
        {measure: interval(values[1:]) for measure, values in ratios.items()},
        difference,
    )
