"""Every other baseline, by hand, and what must hold for all policies."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.policies.history import nan_quantile
from cloud_optimizer.core.policies.krr import Krr, memory_after_kill
from cloud_optimizer.core.policies.kruize import Kruize
from cloud_optimizer.core.policies.oracle import Oracle
from cloud_optimizer.core.policies.registry import BASELINES, policies_for, policy_names
from cloud_optimizer.core.policies.seasonal import HourOfDayQuantile, SeasonalNaiveQuantile
from cloud_optimizer.core.policies.static import Static
from cloud_optimizer.core.policies.window import WindowQuantile
from cloud_optimizer.core.replay.settings import ReplaySettings
from cloud_optimizer_tests.core.policies.fleet import data_of, history_of, random_usage

HUNDREDTHS = np.arange(1, 202) / 100.0
"""0.01, 0.02 .. 2.01: 201 points, so that P95 is the 191st, 1.91."""


def target_of(policy: object, usage: np.ndarray, resource: str = "cpu", **preferences: int) -> float:
    history = history_of(data_of(usage), [usage.shape[-1]], resource, **preferences)  # type: ignore[arg-type]
    return float(policy.plan(history).target[0, 0])  # type: ignore[attr-defined]


def test_krr_takes_p95_p66_or_p99_of_cpu() -> None:
    assert target_of(Krr(), HUNDREDTHS) == pytest.approx(1.91)
    assert target_of(Krr("krr_simple_limit", 0.66), HUNDREDTHS) == pytest.approx(1.33)  # the 133rd
    assert target_of(Krr("krr_p99", 0.99), HUNDREDTHS) == pytest.approx(1.99)


def test_krr_takes_the_buffered_maximum_of_memory_up_to_a_mebibyte() -> None:
    # 2.01e9 * 1.15 = 2.3115e9 = 2204.4 MiB
    assert target_of(Krr(), HUNDREDTHS * 1e9, "memory") == 2205 * 2**20


def test_krr_is_undefined_below_a_hundred_points_and_never_below_its_floors() -> None:
    assert np.isnan(target_of(Krr(), np.ones(99)))
    assert target_of(Krr(), np.full(100, 0.0004)) == pytest.approx(0.01)
    assert target_of(Krr(), np.full(100, 1e6), "memory") == 96 * 2**20  # 100 MB are 95.4 MiB


def test_krr_says_why_it_has_no_request_and_has_none_beside_an_autoscaler_unless_allowed() -> None:
    history = history_of(data_of(np.vstack([np.ones(120), np.ones(120), np.full(120, np.nan)])), [99, 120])
    strict = Krr(autoscaled=frozenset({"w1"}))
    reasons = {name: mask.tolist() for name, mask in strict.undefined(history).items()}
    assert reasons["Not enough data"] == [[True, False], [True, False], [True, True]]
    assert reasons["HPA detected"] == [[False, False], [True, True], [False, False]]
    assert np.isfinite(strict.plan(history).target).tolist() == [[False, True], [False, False], [False, False]]
    assert np.isfinite(Krr().plan(history).target[1, 1])


def test_krr_raises_memory_by_a_quarter_after_a_kill() -> None:
    np.testing.assert_allclose(memory_after_kill(np.array([1e9, 2e9]), np.array([1e9, np.nan])), [1.25e9, 2.3e9])


def test_window_policies_take_their_statistic() -> None:
    usage = np.concatenate([np.full(24, 9.0), HUNDREDTHS])
    crane = WindowQuantile("crane", timedelta(hours=168), 0.99, 1.15)
    # the last 168 of the hundredths: 0.34 .. 2.01; position .99 * 167 = 165.33 above .34 is 1.9933; * 1.15
    assert target_of(crane, usage) == pytest.approx(1.9933 * 1.15, rel=1e-4)
    assert target_of(WindowQuantile("max", timedelta(days=7), 1.0), usage) == pytest.approx(2.01)


def test_kruize_engines_differ_below_one_core() -> None:
    small = HUNDREDTHS[:101]  # maximum 1.01: not below one core
    assert target_of(Kruize("p", 0.98, maximum_below_one_core=True), small) == pytest.approx(0.99)
    assert target_of(Kruize("p", 0.98, maximum_below_one_core=True), small[:81]) == pytest.approx(0.81)
    assert target_of(Kruize("c", 0.6, maximum_below_one_core=False), small[:81]) == pytest.approx(0.49)


def test_kruize_memory_takes_the_smaller_margin() -> None:
    kruize = Kruize("c", 0.6, maximum_below_one_core=False)
    assert target_of(kruize, np.array([5.0, 10.0, 10.0]), "memory") == pytest.approx(12.0)  # 10 + 5 * 1.05 > 12
    assert target_of(kruize, np.array([9.0, 10.0, 10.0]), "memory") == pytest.approx(11.05)  # 10 + 1 * 1.05


def test_hour_of_day_takes_the_hour_that_comes() -> None:
    usage = np.tile(np.arange(24.0), 3)
    history = history_of(data_of(usage), [48, 53], period=1)
    np.testing.assert_allclose(HourOfDayQuantile().plan(history).target, [[0.0, 5.0]])
    assert target_of(HourOfDayQuantile(), usage, period=24) == 23.0


def test_seasonal_naive_adds_the_usual_rise_to_yesterday() -> None:
    usage = np.concatenate([np.full(24, 1.0), np.full(24, 3.0), np.full(24, 5.0)])
    assert target_of(SeasonalNaiveQuantile(), usage) == pytest.approx(7.0)  # 5 yesterday, up by 2 each day


def test_oracle_takes_the_coming_maximum() -> None:
    usage = np.arange(72.0)
    plan = Oracle("daily").plan(history_of(data_of(usage), [24, 48]))
    np.testing.assert_allclose(plan.target, [[47.0, 71.0]])
    hourly = Oracle("hourly").plan(history_of(data_of(usage), [24, 48]))
    assert hourly.decisions.tolist() == list(range(24, 72))


def test_static_proposes_nothing() -> None:
    assert np.isnan(target_of(Static(), HUNDREDTHS))


def test_quantile_ignores_gaps_and_interpolates() -> None:
    assert nan_quantile(np.array([1.0, np.nan, 3.0], dtype=np.float32), 0.75) == pytest.approx(2.5)
    assert np.isnan(nan_quantile(np.array([np.nan], dtype=np.float32), 0.5))


def test_policies_are_found_by_name_and_an_unknown_one_is_refused() -> None:
    found = policies_for(ReplaySettings(), ["vpa", "cloud_optimizer"])
    assert [policy.name for policy in found] == ["vpa", "cloud_optimizer"]
    assert [policy.name for policy in policies_for(ReplaySettings())] == list(policy_names())
    with pytest.raises(InputError, match="no policy 'hpa'"):
        policies_for(ReplaySettings(), ["hpa"])


CAUSAL = [policy for policy in BASELINES if not isinstance(policy, Oracle)]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["cpu", "memory"]), st.sampled_from(["daily", "hourly"]))
def test_no_decision_depends_on_what_comes_after_it(seed: int, resource: str, cadence: str) -> None:
    decisions = [240, 264, 288] if cadence == "daily" else [240, 241, 253]
    period = 24 if cadence == "daily" else 1
    past = random_usage(seed)
    changed = past.copy()
    changed[:, decisions[1] :] = random_usage(seed + 1)[:, decisions[1] :] * 7.0
    ours = policies_for(ReplaySettings.model_validate({"resource": resource, "cadence": cadence}), ["cloud_optimizer"])
    for policy in (*CAUSAL, *ours):
        before, after = (
            policy.plan(history_of(data_of(usage), decisions, resource, period))  # type: ignore[arg-type]
            for usage in (past, changed)
        )
        np.testing.assert_array_equal(before.target[:, :2], after.target[:, :2], err_msg=policy.name)


@pytest.mark.parametrize(
    "policy", [*CAUSAL, *policies_for(ReplaySettings(), ["cloud_optimizer"])], ids=lambda p: p.name
)
def test_a_workload_without_data_gets_no_proposal(policy: object) -> None:
    usage = np.vstack([random_usage(1, 1), np.full((1, 480), np.nan)])
    plan = policy.plan(history_of(data_of(usage), [480]))  # type: ignore[attr-defined]
    assert np.isnan(plan.target[1, 0])
