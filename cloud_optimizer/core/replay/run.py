"""Replays policies on one data set and compares them: `replay(data, policies, settings)` gives one score each."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from cloud_optimizer.core.policies.history import History
from cloud_optimizer.core.policies.oracle import Oracle
from cloud_optimizer.core.policies.plan import Array, Policy
from cloud_optimizer.core.replay.bootstrap import interval, resample_weights
from cloud_optimizer.core.replay.calibration import ReliabilityBand, reliability
from cloud_optimizer.core.replay.data import PERIOD, ReplayData
from cloud_optimizer.core.replay.engine import Outcome, simulate
from cloud_optimizer.core.replay.measures import (
    Tally,
    concatenated,
    halves,
    ratio_histogram,
    scale_for,
    tally,
)
from cloud_optimizer.core.replay.settings import ReplaySettings

BLOCK = 512
"""Workloads scored at once, which bounds memory: 90 days at 5 minutes are 53 MB an array."""

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
    data, first = history.data, int(history.decisions[0])
    plan = policy.plan(history)
    outcome = simulate(data, plan, settings)
    total = _total(data, outcome, slice(first, data.length), settings)
    ratios = total.ratios(weights)
    others = (simulate(data, other, settings) for other in plan.alternatives)
    for name, scaled in _at_equal_violations(chain([outcome], others), data, settings, halves(data, first)).items():
        at_equal = scaled.ratios(weights)
        ratios[name] = at_equal["provision"]
        ratios[name.replace("provision", "violating_observations")] = at_equal["violating_observations"]
    stated = () if plan.risk is None else reliability(data, plan, outcome, history.lag)
    return _Result(ratios, weights @ total.capacity, weights @ total.static, stated)


def _at_equal_violations(
    outcomes: Iterable[Outcome], data: ReplayData, settings: ReplaySettings, tune_and_test: tuple[slice, slice]
) -> dict[str, Tally]:
    """Return the second half of the outcome that, scaled to each share of violations, holds least in the first half.

    One outcome is held at a time.
    """
    tune, test = tune_and_test
    chosen: dict[str, Tally] = {}
    least = dict.fromkeys(EQUAL_VIOLATIONS, np.inf)
    for outcome in outcomes:
        histograms = [ratio_histogram(part, held, tune, settings.smallest) for part, held in _parts(data, outcome)]
        for name, share in EQUAL_VIOLATIONS.items():
            scale = scale_for(np.sum(histograms, axis=0), share)
            capacity = _total(data, outcome, tune, settings, scale).capacity.sum()
            if capacity < least[name]:
                least[name], chosen[name] = capacity, _total(data, outcome, test, settings, scale)
    return chosen


def _total(data: ReplayData, outcome: Outcome, scored: slice, settings: ReplaySettings, scale: float = 1.0) -> Tally:
    return concatenated([tally(part, held, scored, scale, settings.smallest) for part, held in _parts(data, outcome)])


def _parts(data: ReplayData, outcome: Outcome) -> Iterator[tuple[ReplayData, Outcome]]:
    for first in range(0, len(data.usage), BLOCK):
        rows = slice(first, first + BLOCK)
        yield data.rows(rows), Outcome(outcome.capacity[rows], outcome.changes[rows])


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
