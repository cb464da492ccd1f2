"""Explanations: the figures of the record in plain words, whatever was found."""

import json

import numpy as np
import polars as pl
import pytest

from cloud_optimizer.core.explanation import cores, explain, memory, share_of_day
from cloud_optimizer.core.recommendations.inputs import Trust
from cloud_optimizer.core.recommendations.recommend import recommend
from cloud_optimizer_tests.core.recommendations.fleet import GIB, forecast, inputs, rollup

STEADY = np.full(14 * 24, 0.5)
CALM = {"cpu_mean": 0.5, "cpu_peak": 0.6, "memory_mean": GIB, "memory_peak": 1.1 * GIB}


def words(history: pl.DataFrame, **given: object) -> str:
    record = recommend(inputs(history, **given)).row(0, named=True)
    assert record["explanation"] == explain(record)
    return str(record["explanation"])


def test_quantities_are_written_for_people() -> None:
    assert [cores(1.25), cores(0.25), cores(None)] == ["1.25 cores", "250 millicores", "an unknown number of cores"]
    assert cores(1.0) == "1 core"
    assert [memory(1.5 * GIB), memory(0.5 * GIB)] == ["1.5 GiB", "512 MiB"]
    assert share_of_day(0.005) == "0.50 % of the time (7.2 minutes a day)"
    assert share_of_day(0.0) == "practically none of the time"


def test_everything_that_led_to_the_size_is_told_with_its_figures() -> None:
    text = words(rollup("web", STEADY), forecast=forecast("web", CALM), model_version="7")
    for part in (
        "web has more than its demand needs.",
        "In the last 14.0 days (4,032 samples, 100 % complete) it used",
        "600 millicores at most",
        "from the forecast (model version 7) and recent history",
        "CPU goes from 4 cores to",
        "Memory goes from 4 GiB to",
        "at today's size: practically none of the time",
        "The month costs",
        " saved (",
        "The change needs a restart; the recommendation is valid until 2026-03-12 00:00 UTC.",
    ):
        assert part in text, part


def test_why_not_less_and_why_not_more_is_told() -> None:
    bursts = np.where(np.random.default_rng(2).random(14 * 24) < 0.05, 2.0, 0.3)
    wide = forecast("web", {name: 0.3 if name.startswith("cpu") else GIB for name in CALM}, spread=1.5)
    text = words(rollup("web", bursts), forecast=wide)
    assert "Less (" in text
    assert "More (" in text


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"trust": Trust(drift_failed=True)}, "from history alone because a drift check failed"),
        ({"trust": Trust(untrusted=frozenset({"cpu", "memory"}))}, "because there is no forecast to rely on"),
        (
            {"trust": Trust(untrusted=frozenset({"memory"})), "model_version": "7"},
            "CPU from the forecast (model version 7) and recent history, memory from history alone because there is no",
        ),
        (
            {"trust": Trust(untrusted=frozenset({"cpu"})), "model_version": "7"},
            "memory from the forecast (model version 7) and recent history, CPU from history alone because there is no",
        ),
        ({"trust": Trust(untrusted=frozenset({"cpu"}))}, "Confidence is low"),
        ({"preferences": pl.DataFrame({"workload_id": ["web"], "maintenance_start_hour": [3]})}, "maintenance window"),
        ({"preferences": pl.DataFrame({"workload_id": ["web"], "oom_memory_bytes": [GIB]})}, "killed for memory"),
        ({"preferences": pl.DataFrame({"workload_id": ["web"], "hpa_target_utilization": [0.5]})}, "An autoscaler"),
    ],
)
def test_what_stood_in_the_way_is_told(given: dict[str, object], sentence: str) -> None:
    assert sentence in words(rollup("web", STEADY), forecast=forecast("web", CALM), **given)


def test_replicas_are_told_with_their_size_number_by_hour_and_absolute_target() -> None:
    day = np.tile([2.0] * 8 + [6.0] * 10 + [2.0] * 6, 14)
    scaled = recommend(inputs(rollup("web", day, cpu_capacity_cores=24.0, replicas_mean=12.0))).row(0, named=True)
    count, total = scaled["recommended_replicas"], scaled["recommended_cpu_cores"]
    hours = [entry["replicas"] for entry in json.loads(scaled["replica_schedule"])]
    target = cores(scaled["recommended_hpa_target_cpu_cores"])
    assert (
        f"That is {count:.0f} replicas of {cores(total / count)} instead of 12 replicas of 2 cores; "
        f"{min(hours)} to {max(hours)} by hour are needed, and an autoscaler should aim at {target} of each"
    ) in scaled["explanation"]


@pytest.mark.parametrize(
    ("seen", "wishes", "sentence"),
    [
        (
            (12.0, 2.0),
            {"minimum_replicas": [12.0], "maximum_replicas": [12.0]},
            "That is 12 replicas of 2 cores; 12 at every hour are needed",
        ),
        (
            (1.0, 4.0),
            {"minimum_replicas": [1.0], "maximum_replicas": [1.0]},
            "1 replica of 4 cores; 1 at every hour is",
        ),
        ((2.25, 8.0), {"minimum_replicas": [3.0]}, " instead of 2.25 replicas of 8 cores; "),
    ],
    ids=["nothing changes", "one replica", "the mean of an hour"],
)
def test_replicas_are_counted_as_people_do(
    seen: tuple[float, float], wishes: dict[str, list[float]], sentence: str
) -> None:
    count, size = seen
    demand = np.full(14 * 24, 0.75 * count * size)
    history = rollup("web", demand, cpu_capacity_cores=count * size, replicas_mean=count)
    preferences = pl.DataFrame({"workload_id": ["web"], "horizontally_scaled": [True], **wishes})
    assert sentence in words(history, preferences=preferences)


def test_a_choice_that_costs_the_same_is_not_said_to_save_nothing() -> None:
    text = words(rollup("web", STEADY, cpu_capacity_cores=None), forecast=forecast("web", CALM))
    assert "Less (" in text
    assert "0.00 USD" not in text


def test_what_cannot_be_judged_is_told_and_not_made_up() -> None:
    assert "observed too little" in words(rollup("new", STEADY[:3]))
    nothing_known = rollup("web", STEADY, cpu_capacity_cores=None, memory_capacity_bytes=None)
    text = words(nothing_known)
    assert "No present size is known" in text
    assert "None" not in text
    assert "The month costs" not in text
