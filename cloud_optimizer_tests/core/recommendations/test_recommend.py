"""What a recommendation promises, on made-up workloads whose right answers are known."""

import json
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_optimizer.core.costs.prices import WORKLOAD_PRICE_SCHEMA
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.recommendations.inputs import Trust
from cloud_optimizer.core.recommendations.recommend import recommend
from cloud_optimizer.core.recommendations.settings import RecommendationSettings
from cloud_optimizer.core.records import RECOMMENDATION_SCHEMA
from cloud_optimizer_tests.core.recommendations.fleet import GIB, ORIGIN, forecast, inputs, rollup

STEADY = np.full(14 * 24, 0.5)
CALM = {"cpu_mean": 0.5, "cpu_peak": 0.6, "memory_mean": GIB, "memory_peak": 1.1 * GIB}


def only(frame: pl.DataFrame) -> dict[str, object]:
    return frame.row(0, named=True)


def test_a_steady_workload_on_a_large_machine_is_overprovisioned_and_shrinks_to_its_demand() -> None:
    record = only(recommend(inputs(rollup("web", STEADY), forecast=forecast("web", CALM), model_version="7")))
    assert record["finding"] == "Overprovisioned"
    assert {"CPU_OVER", "MEMORY_OVER"} <= set(record["reason_codes"])
    assert 0.55 <= record["recommended_cpu_cores"] <= 0.75  # peaks of .6 cores, forecast up to .66
    assert record["algorithm"] == "expected_cost"
    assert record["valid_until"] == ORIGIN + timedelta(days=1)


def test_usage_at_the_capacity_counts_as_shortage_and_calls_for_more() -> None:
    busy = rollup("web", np.full(14 * 24, 3.3), cpu_usage_cores_p95=4.0, cpu_usage_cores_max=4.0)
    record = only(recommend(inputs(busy)))
    assert record["finding"] == "Underprovisioned"
    assert record["recommended_cpu_cores"] > 4.0
    assert record["current_risk_cpu"] > 0.01


def test_without_a_trusted_forecast_history_decides_with_headroom_and_the_record_says_so() -> None:
    given_inputs = {"forecast": forecast("web", CALM)}
    trusted = only(recommend(inputs(rollup("web", STEADY), **given_inputs)))
    drifted = only(recommend(inputs(rollup("web", STEADY), trust=Trust(drift_failed=True), **given_inputs)))
    assert drifted["algorithm"] == "robust_history"
    assert {"DRIFT", "LOW_CONFIDENCE"} <= set(drifted["reason_codes"])
    assert "drift check failed" in drifted["explanation"]
    assert "DRIFT" not in trusted["reason_codes"]
    assert drifted["recommended_cpu_cores"] == pytest.approx(0.6 * 1.1, abs=0.002)  # P99 of history is its peak


def test_too_little_history_holds_the_size() -> None:
    record = only(recommend(inputs(rollup("new", STEADY[:10]))))
    assert record["finding"] == "InsufficientData"
    assert record["recommended_cpu_cores"] == record["current_cpu_cores"] == 4.0
    assert record["monthly_saving"] == 0.0


def test_silent_telemetry_holds_the_size() -> None:
    early = rollup("web", STEADY).with_columns(pl.col("timestamp") - pl.duration(hours=12))
    record = only(recommend(inputs(early)))
    assert record["finding"] == "Inconclusive"
    assert "STALE_TELEMETRY" in record["reason_codes"]
    assert record["recommended_cpu_cores"] == 4.0


def test_a_workload_that_does_nothing_is_idle() -> None:
    record = only(recommend(inputs(rollup("forgotten", np.full(14 * 24, 0.001)))))
    assert record["finding"] == "Idle"
    assert "stopping" in record["explanation"]


def test_an_unknown_capacity_is_said_and_has_no_saving() -> None:
    record = only(recommend(inputs(rollup("web", STEADY, cpu_capacity_cores=None, memory_capacity_bytes=None))))
    assert "LIMIT_UNSET" in record["reason_codes"]
    assert record["monthly_saving"] is None
    assert record["recommended_cpu_cores"] == pytest.approx(0.66, abs=0.01)


def test_a_slo_class_and_a_headroom_of_ones_own_change_the_size() -> None:
    rng = np.random.default_rng(3)
    history = pl.concat([rollup(name, 0.5 + rng.gamma(0.3, 0.5, 14 * 24)) for name in ("a", "b", "c")]).with_columns(
        pl.col(name).first().over("timestamp")
        for name in ("cpu_usage_cores_mean", "cpu_usage_cores_p95", "cpu_usage_cores_max")
    )
    wishes = pl.DataFrame({"workload_id": ["a", "b", "c"], "slo_class": ["batch", "standard", "critical"]})
    sizes = recommend(inputs(history, preferences=wishes))["recommended_cpu_cores"].to_list()
    assert sizes[0] <= sizes[1] < sizes[2]
    roomy = recommend(inputs(history, preferences=wishes.with_columns(headroom=1.0)))["recommended_cpu_cores"]
    assert all(after > before * 1.5 for before, after in zip(sizes, roomy, strict=True))


def test_a_saving_below_the_minimum_is_not_worth_a_change() -> None:
    settings_of_one = RecommendationSettings(minimum_monthly_saving=1000.0)
    record = only(recommend(inputs(rollup("web", STEADY)), settings_of_one))
    assert record["recommended_cpu_cores"] == 4.0
    assert record["effort"] == "none"


@pytest.mark.parametrize("replicas", [1.0, 6.0])
@pytest.mark.parametrize("level", [0.4, 7.0, 40.0])
def test_a_recommendation_that_was_applied_is_not_followed_by_another(replicas: float, level: float) -> None:
    daily = level * (1.0 + 0.5 * np.sin(np.arange(14 * 24) * 2 * np.pi / 24))
    cores, memory, shapes = 48.0, 64 * GIB, []
    for _ in range(6):
        seen = rollup("web", daily, cpu_capacity_cores=cores, memory_capacity_bytes=memory, replicas_mean=replicas)
        capped = seen.with_columns(
            pl.min_horizontal(name, pl.lit(cores)).alias(name)
            for name in ("cpu_usage_cores_mean", "cpu_usage_cores_p95", "cpu_usage_cores_max")
        )
        record = only(recommend(inputs(capped)))
        cores, memory = record["recommended_cpu_cores"], record["recommended_memory_bytes"]
        replicas = record["recommended_replicas"]
        shapes.append((cores, memory, replicas))
    assert len(set(shapes[-3:])) == 1
    assert cores >= daily.max()


def test_a_scaled_workload_gets_replicas_a_schedule_and_an_absolute_autoscaler_target() -> None:
    day = np.tile([2.0] * 8 + [6.0] * 10 + [2.0] * 6, 14)
    wishes = pl.DataFrame({"workload_id": ["web"], "hpa_target_utilization": [0.6]})
    record = only(
        recommend(inputs(rollup("web", day, cpu_capacity_cores=24.0, replicas_mean=24.0), preferences=wishes))
    )
    schedule = [entry["replicas"] for entry in json.loads(record["replica_schedule"])]
    size = record["recommended_cpu_cores"] / record["recommended_replicas"]
    assert max(schedule) <= record["recommended_replicas"]
    assert schedule[12] * size >= 7.2  # the peak of the busy hours
    assert schedule[0] * size >= 2.4
    assert schedule[0] < schedule[12]
    assert 0.4 * size <= record["recommended_hpa_target_cpu_cores"] <= 0.85 * size
    assert "HPA_CONFLICT" in record["reason_codes"]


def test_preferences_that_name_a_workload_twice_are_refused() -> None:
    twice = pl.DataFrame({"workload_id": ["web", "web"]})
    with pytest.raises(InputError, match="web is named twice"):
        recommend(inputs(rollup("web", STEADY), preferences=twice))


def test_no_workloads_give_no_recommendations() -> None:
    assert recommend(inputs(rollup("web", STEADY).clear())).equals(RECOMMENDATION_SCHEMA.to_frame())


@st.composite
def fleets(draw: st.DrawFn) -> pl.DataFrame:
    frames = []
    for index in range(draw(st.integers(1, 3))):
        hours = draw(st.sampled_from([1, 30, 8 * 24, 14 * 24]))
        seed, level = draw(st.integers(0, 99)), draw(st.floats(0.0, 8.0))
        mean = level * np.random.default_rng(seed).gamma(draw(st.sampled_from([0.1, 1.0, 20.0])), 1.0, hours)
        capacity = draw(st.sampled_from([None, 0.05, 1.0, 16.0]))
        columns = {"cpu_capacity_cores": capacity}
        if draw(st.booleans()):
            columns |= dict.fromkeys(("memory_usage_bytes_mean", "memory_usage_bytes_max"), None)
        frames.append(rollup(f"w{index}", mean, **columns))
    return pl.concat(frames)


@given(fleets(), st.floats(0.0, 10.0))
@settings(max_examples=40, deadline=None)
def test_bounds_hold_the_target_and_savings_never_exceed_the_cost(history: pl.DataFrame, core_hour: float) -> None:
    prices = pl.DataFrame(
        {"cluster": "shop", "workload_id": "w0", "core_hour": core_hour, "gib_hour": 0.01, "list_core_hour": core_hour}
        | {"list_gib_hour": 0.02, "currency": "EUR"},
        schema=WORKLOAD_PRICE_SCHEMA,
    )
    records = recommend(inputs(history, prices=prices))
    for unit in ("cpu_cores", "memory_bytes"):
        lower, target, upper = (records[f"{name}_{unit}"].fill_null(0.0) for name in ("lower", "recommended", "upper"))
        assert ((lower <= target) & (target <= upper)).all()
    known = records.filter(pl.col("monthly_cost_before").is_not_null())
    assert (known["monthly_saving"] <= known["monthly_cost_before"]).all()
    assert (known["monthly_saving_lower"] <= known["monthly_saving"]).all()
    assert (known["monthly_saving"] <= known["monthly_saving_upper"]).all()
    assert (known["monthly_saving_upper"] <= known["monthly_cost_before"]).all()


@given(fleets())
@settings(max_examples=15, deadline=None)
def test_the_result_depends_neither_on_order_nor_on_company(history: pl.DataFrame) -> None:
    together = recommend(inputs(history))
    assert together.equals(recommend(inputs(history.sample(fraction=1.0, shuffle=True, seed=1))))
    alone = [recommend(inputs(part)) for part in history.partition_by("workload_id")]
    assert together.equals(pl.concat(alone))


@given(fleets())
@settings(max_examples=15, deadline=None)
def test_the_safer_option_is_larger_and_its_risk_is_never_higher(history: pl.DataFrame) -> None:
    for text in recommend(inputs(history))["options"]:
        options = pl.read_json(text.encode()).sort("cpu_cores") if text != "[]" else pl.DataFrame()
        by_name = {option["name"]: option for option in options.iter_rows(named=True)}
        for safer, bolder in (("conservative", "balanced"), ("balanced", "aggressive")):
            if safer in by_name and bolder in by_name:
                for size, risk in (("cpu_cores", "risk_cpu"), ("memory_bytes", "risk_memory")):
                    assert (by_name[safer][size] or 0) >= (by_name[bolder][size] or 0)
                    assert (by_name[safer][risk] or 0) <= (by_name[bolder][risk] or 0) + 1e-12
