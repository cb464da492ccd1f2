"""Replays policies on one data set and compares them: `replay(data, policies, settings)` gives one score each."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from cloud_optimizer.core.policies.history import History
from cloud_optimizer.core.policies.oracle import Oracle
from cloud_optimizer.core.policies.plan import Array, Plan, Policy
from cloud_optimizer.core.replay.bootstrap import interval, resample_weights
from cloud_optimizer.core.replay.calibration import ReliabilityBand, reliability
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
        reliability: Stated against observed risk by band; empty where the policy states none.
    """

    policy: str
    values: dict[str, float]
    intervals: dict[str, Interval]
    difference: Interval = None
    reliability: tuple[ReliabilityBand, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values; undefined is null."""
        plain = {name: value if np.isfinite(value) else None for name, value in self.values.items()}
        return {
            "policy": self.policy,
            **plain,
            "intervals": self.intervals,
            "provision_less_cloud_optimizer": self.difference,
            "reliability": [
                {**asdict(band), "observed_over_stated": band.ratio} for band in self.reliability if band.periods
            ],
        }


@dataclass
class _Result:
    """Resampled sums of one policy; index 0 of every array is the sample itself, the rest are resamples."""

    ratios: dict[str, Array] = field(default_factory=dict)
    cost: Array = field(default_factory=lambda: np.empty(0))
    static: Array = field(default_factory=lambda: np.empty(0))
    reliability: tuple[ReliabilityBand, ...] = ()


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
    first = int(history.decisions[0])
    total = _total(history.data, plan, settings, slice(first, history.data.length), 1.0)
    ratios = total.ratios(weights)
    tune, test = halves(history.data, first)
    for name, (chosen, scale) in _at_equal_violations((plan, *plan.alternatives), history.data, settings, tune).items():
        scaled = _total(history.data, chosen, settings, test, scale).ratios(weights)
        ratios[name] = scaled["provision"]
        ratios[name.replace("provision", "violating_observations")] = scaled["violating_observations"]
    return _Result(ratios, weights @ total.capacity, weights @ total.static, _reliability(history, plan, settings))


def _reliability(history: History, plan: Plan, settings: ReplaySettings) -> tuple[ReliabilityBand, ...]:
    if plan.risk is None:
        return ()
    outcomes = [outcome for _, outcome in _outcomes(history.data, plan, settings)]
    whole = Outcome(*(np.concatenate([getattr(part, name) for part in outcomes]) for name in ("capacity", "changes")))
    return reliability(history.data, plan, whole, history.lag)


def _at_equal_violations(
    plans: Sequence[Plan], data: ReplayData, settings: ReplaySettings, tune: slice
) -> dict[str, tuple[Plan, float]]:
    """Return the plan and the factor on its capacities that reach each share of violations at the least provision."""
    chosen: dict[str, tuple[Plan, float]] = {}
    least = dict.fromkeys(EQUAL_VIOLATIONS, np.inf)
    for plan in plans:
        histogram = np.zeros(RATIO_BINS, dtype=np.intp)
        for part, outcome in _outcomes(data, plan, settings):
            histogram += ratio_histogram(part, outcome, tune, settings.smallest)
        for name, share in EQUAL_VIOLATIONS.items():
            scale = scale_for(histogram, share)
            capacity = _total(data, plan, settings, tune, scale).capacity.sum() if len(plans) > 1 else 0.0
            if capacity < least[name]:
                least[name], chosen[name] = capacity, (plan, scale)
    return chosen


def _total(data: ReplayData, plan: Plan, settings: ReplaySettings, scored: slice, scale: float) -> Tally:
    parts = _outcomes(data, plan, settings)
    return concatenated([tally(part, outcome, scored, scale, settings.smallest) for part, outcome in parts])


def _outcomes(data: ReplayData, plan: Plan, settings: ReplaySettings) -> Iterator[tuple[ReplayData, Outcome]]:
    for first in range(0, len(data.usage), BLOCK):
        rows = slice(first, first + BLOCK)
        part = data.rows(rows)
        yield part, simulate(part, plan.rows(rows), settings)


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
        result.reliability,
    )
