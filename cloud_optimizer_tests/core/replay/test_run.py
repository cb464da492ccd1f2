"""Replays end to end on made-up fleets and on a real one."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from cloud_optimizer.cli.traces import load_panel
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.policies.registry import BASELINES, policies_for
from cloud_optimizer.core.replay.data import ReplayData
from cloud_optimizer.core.replay.run import PolicyScore, replay
from cloud_optimizer.core.replay.settings import ReplaySettings
from cloud_optimizer_tests.core.policies.fleet import MONDAY, data_of, random_usage

HOUR = timedelta(hours=1)


def scores_of(data: ReplayData, *names: str, **contract: object) -> dict[str, PolicyScore]:
    settings = ReplaySettings.model_validate({"resamples": 100, **contract})
    return {score.policy: score for score in replay(data, policies_for(settings, names), settings)}


def test_static_costs_one_and_the_oracle_never_runs_short() -> None:
    scores = scores_of(data_of(random_usage(0, 6), capacity=12.0), "static", "oracle_daily", "p99_14d")
    assert scores["static"].values["provision"] == 1.0
    assert scores["static"].values["regret"] == 1.0
    assert scores["oracle_daily"].values["violating_observations"] == 0.0
    assert scores["oracle_daily"].values["regret"] == 0.0
    assert scores["oracle_daily"].values["provision"] < scores["p99_14d"].values["provision"] < 1.0


def test_intervals_enclose_the_value_and_repeat_with_the_seed() -> None:
    data = data_of(random_usage(1, 12), capacity=12.0)
    score = scores_of(data, "p99_14d")["p99_14d"]
    low, high = score.intervals["provision"] or (np.nan, np.nan)
    assert low < score.values["provision"] < high
    assert score == scores_of(data, "p99_14d")["p99_14d"]


def test_a_policy_differs_from_ours_by_a_paired_interval() -> None:
    scores = scores_of(data_of(random_usage(2, 8), capacity=12.0), "static", "cloud_optimizer")
    low, high = scores["static"].difference or (np.nan, np.nan)
    assert 0.0 < low < high < 1.0
    assert scores["cloud_optimizer"].difference == (0.0, 0.0)


def test_scores_do_not_depend_on_how_many_workloads_are_scored_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = data_of(random_usage(3, 8), capacity=12.0)
    contract = {"cadence": "hourly", "max_changes_per_day": 1}  # a budget of changes that all workloads share
    whole = scores_of(data, "hour_of_day_p95", **contract)
    monkeypatch.setattr("cloud_optimizer.core.replay.run.BLOCK", 3)
    assert scores_of(data, "hour_of_day_p95", **contract) == whole


def test_json_has_every_measure_and_null_for_undefined() -> None:
    idle = data_of(np.zeros((1, 24 * 12)))
    row = scores_of(idle, "static")["static"].to_json()
    expected = {"policy", "provision", "slack", "violating_observations", "unmet_volume", "violating_workload_days"}
    assert expected | {"changes_per_workload_day", "provision_at_1pct", "provision_at_0_1pct", "regret"} <= set(row)
    assert row["unmet_volume"] is None  # no demand, so no share of it


def test_too_short_a_history_is_refused_in_a_sentence() -> None:
    with pytest.raises(InputError, match="needs 11 days of data, and the trace has 9"):
        scores_of(data_of(np.ones((1, 24 * 9))), "static")


def test_panel_slots_count_where_usage_is_known_and_capacity_is_on() -> None:
    usage = np.array([[1.0, 2.0, np.nan, 4.0]], dtype=np.float32)
    capacity = np.array([[4.0, 0.0, 4.0, np.nan]], dtype=np.float32)
    columns = {"cpu_usage_cores_mean": usage, "cpu_capacity_cores": capacity}
    data = ReplayData.from_panel(Panel(("w",), MONDAY, HOUR, columns), "cpu")
    np.testing.assert_array_equal(data.usage, [[1.0, np.nan, np.nan, np.nan]])
    with pytest.raises(InputError, match="memory_usage_bytes_mean"):
        ReplayData.from_panel(Panel(("w",), MONDAY, HOUR, columns), "memory")
    with pytest.raises(InputError, match="divides an hour"):
        ReplayData.from_panel(Panel(("w",), MONDAY, timedelta(minutes=7), columns), "cpu")


def test_hour_and_five_minutes_see_the_same_flat_demand_alike() -> None:
    flat = np.full((2, 24 * 12), 1.5)
    coarse = scores_of(data_of(flat), "krr_simple")["krr_simple"].values
    fine = data_of(np.repeat(flat, 12, axis=1), step=timedelta(minutes=5))
    assert scores_of(fine, "krr_simple")["krr_simple"].values["provision"] == pytest.approx(
        coarse["provision"], abs=5e-3
    )


def test_ours_needs_less_than_p99_at_equal_violations_of_a_real_fleet_and_its_risks_come_true(traces: Path) -> None:
    frame = pl.read_parquet(traces / "bitbrains_rnd_hourly.parquet")
    on = (pl.col("cpu_capacity_mhz") > 0) & (pl.col("cpu_cores") > 0)
    frame = frame.filter(on).with_columns(
        usage=pl.col("cpu_utilization_max") * pl.col("cpu_cores"), capacity=pl.col("cpu_cores").cast(pl.Float32)
    )
    frame = frame.unique(["workload_id", "timestamp"]).with_columns(pl.col("timestamp").cast(pl.Datetime("us", "UTC")))
    start = frame["timestamp"].min()
    end = start + timedelta(days=45)  # type: ignore[operator]
    panel = Panel.from_frame(frame, ["usage", "capacity"], start, end, HOUR)  # type: ignore[arg-type]
    data = ReplayData(panel["usage"], panel["capacity"], panel.start, panel.step, panel.workload_ids)
    scores = scores_of(data.rows(slice(0, 200)), "p99_14d", "cloud_optimizer")
    ours, p99 = scores["cloud_optimizer"].values, scores["p99_14d"].values
    assert ours["violating_observations"] < p99["violating_observations"]
    assert ours["provision_at_1pct"] < p99["provision_at_1pct"]
    assert_risks_come_true(scores["cloud_optimizer"], bands=2)


def test_ours_keeps_its_budget_on_real_machines_and_its_risks_come_true_where_events_tell(traces: Path) -> None:
    panel = load_panel(traces / "bitbrains_rnd_dev.parquet", None, Console(quiet=True))
    score = scores_of(ReplayData.from_panel(panel, "cpu"), "cloud_optimizer")["cloud_optimizer"]
    assert score.values["violating_observations"] < 0.01
    assert score.values["unmet_volume"] < 0.01
    assert_risks_come_true(score, bands=1)


def assert_risks_come_true(score: PolicyScore, bands: int) -> None:
    """Assert that observed risk is within a fifth of the stated one wherever there are enough events to tell."""
    ratios = [band.ratio for band in score.reliability if band.ratio is not None]
    assert len(ratios) >= bands
    assert all(0.8 < ratio < 1.2 for ratio in ratios)


def test_json_holds_the_reliability_of_policies_that_state_risks() -> None:
    scores = scores_of(data_of(random_usage(4, 6), capacity=12.0), "p99_14d", "cloud_optimizer")
    assert scores["p99_14d"].to_json()["reliability"] == []
    bands = scores["cloud_optimizer"].to_json()["reliability"]
    assert sum(band["periods"] for band in bands) > 0
    assert {"lowest", "highest", "stated", "observed", "events", "observed_over_stated"} <= set(bands[0])


def test_all_baselines_are_replayed() -> None:
    names = [policy.name for policy in BASELINES]
    assert len(scores_of(data_of(random_usage(3, 2)), *names, cadence="hourly")) == len(names)
