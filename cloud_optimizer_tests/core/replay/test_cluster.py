"""A cluster's own history under every policy: one table, and notes on what could not be replayed."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.policies.registry import policies_for
from cloud_optimizer.core.replay.cluster import REPLAY_MEASURES, REPLAY_SCHEMA, replay_cluster
from cloud_optimizer.core.replay.settings import CONTRACTS
from cloud_optimizer_tests.core.policies.fleet import MONDAY, random_usage

DAYS = 12
LAST = (MONDAY + timedelta(days=DAYS - 1)).date()


def panel_of(days: int = DAYS, memory: bool = True) -> Panel:
    usage = random_usage(5, workloads=2, slots=24 * days, gaps=0.0).astype(np.float32)
    unknown = np.full_like(usage, np.nan)
    columns = {
        "cpu_usage_cores_mean": usage,
        "cpu_capacity_cores": np.full_like(usage, 12.0),
        "memory_usage_bytes_mean": usage * np.float32(1e9) if memory else unknown,
        "memory_capacity_bytes": np.full_like(usage, 16e9),
    }
    return Panel(("a", "b"), MONDAY, HOUR, columns)


@pytest.fixture(scope="module")
def replayed() -> tuple[pl.DataFrame, tuple[str, ...]]:
    return replay_cluster(panel_of(memory=False), "web", LAST)


def test_every_policy_of_each_contract_has_one_row(replayed: tuple[pl.DataFrame, tuple[str, ...]]) -> None:
    frame, _ = replayed
    assert frame.schema == REPLAY_SCHEMA
    assert frame.select("cluster", "date", "resource").unique().rows() == [("web", LAST, "cpu")]
    assert frame.select("resource", "contract", "policy").is_unique().all()
    assert set(frame["contract"]) == set(CONTRACTS)
    oracles = {"oracle_daily", "oracle_hourly"}
    for name, settings in CONTRACTS.items():
        known = {policy.name for policy in policies_for(settings)}
        found = set(frame.filter(pl.col("contract") == name)["policy"])
        oracle = f"oracle_{settings.cadence}"
        assert {"cloud_optimizer", "static", oracle} <= found
        assert found == known - (oracles - {oracle})


def test_changes_keep_within_the_contract(replayed: tuple[pl.DataFrame, tuple[str, ...]]) -> None:
    for name, settings in CONTRACTS.items():
        changes = replayed[0].filter(pl.col("contract") == name)["changes_per_workload_day"]
        if settings.max_changes_per_day is not None:
            assert 0.0 < changes.max() <= settings.max_changes_per_day  # type: ignore[operator]


def test_static_costs_all_and_of_those_that_never_run_short_the_oracle_the_least(
    replayed: tuple[pl.DataFrame, tuple[str, ...]],
) -> None:
    unlimited = [name for name, settings in CONTRACTS.items() if settings.max_changes_per_day is None]
    for name in unlimited:  # an oracle that lacks changes runs short as well
        rows = replayed[0].filter(pl.col("contract") == name)
        by_policy = {row["policy"]: row for row in rows.to_dicts()}
        oracle = next(row for name, row in by_policy.items() if name.startswith("oracle"))
        assert by_policy["static"]["provision"] == 1.0
        assert (oracle["violating_observations"], oracle["regret"]) == (0.0, 0.0)
        enough = [row["provision"] for row in by_policy.values() if row["violating_observations"] == 0.0]
        assert oracle["provision"] == min(enough) < max(enough) == 1.0


def test_every_measure_lies_in_its_interval(replayed: tuple[pl.DataFrame, tuple[str, ...]]) -> None:
    for measure in REPLAY_MEASURES:
        known = replayed[0].filter(pl.col(measure).is_not_null())
        lower, value, upper = (known[name] for name in (f"{measure}_lower", measure, f"{measure}_upper"))
        assert known.height
        assert not lower.null_count()
        assert not upper.null_count()
        assert ((lower <= value + 1e-9) & (value <= upper + 1e-9)).all(), measure


def test_unknown_is_null_and_never_nan(replayed: tuple[pl.DataFrame, tuple[str, ...]]) -> None:
    assert not replayed[0].select(pl.selectors.float().is_nan().any()).sum_horizontal().item()


def test_a_resource_that_is_not_known_is_noted_and_the_other_one_replayed(
    replayed: tuple[pl.DataFrame, tuple[str, ...]],
) -> None:
    assert replayed[1] == ("memory daily: usage or capacity is not known",)


def test_too_short_a_history_leaves_an_empty_table_and_says_how_much_is_needed() -> None:
    frame, notes = replay_cluster(panel_of(days=9), "web", date(2024, 1, 9))
    assert frame.equals(REPLAY_SCHEMA.to_frame())
    assert len(notes) == len(CONTRACTS) + 1  # and memory
    assert all("needs 11 days of data, and the trace has 9" in note for note in notes)
