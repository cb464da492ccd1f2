"""Replayed contracts as figures: every policy a row, our place beside peers, the speed of the baselines."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from rich.console import Console

from benchmarks.bench_replay import PEERS, SHORTAGE, replay_contract
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.policies.registry import policy_names
from cloud_optimizer.core.replay.data import ReplayData

STEP = timedelta(minutes=30)


@pytest.fixture(scope="module")
def panel() -> Panel:
    random = np.random.default_rng(5)
    usage = random.gamma(4, 0.25, (3, 20 * 48)).astype(np.float32)
    columns = {"cpu_usage_cores_mean": usage, "cpu_capacity_cores": np.full_like(usage, 8)}
    return Panel(("a", "b", "c"), datetime(2026, 1, 5, tzinfo=UTC), STEP, columns)


def test_a_contract_gives_a_row_for_every_policy_and_ratios_to_every_peer(panel: Panel) -> None:
    data = ReplayData.from_panel(panel, "cpu")
    measures, (table, stated) = replay_contract(data, "cpu", "daily", Console(quiet=True), SHORTAGE)
    assert table.title == "CPU, daily decisions, 3 machines at 30 minutes"
    assert [row[0] for row in table.rows] == list(policy_names())
    for each in (table, stated):
        assert all(len(row) == len(each.header) for row in each.rows)
    assert stated.title.endswith("does the stated risk come true?")
    ratios = [measure for measure in measures if "our provision at 1 % violations" in measure.measure]
    assert [measure.measure.rpartition("/ ")[2] for measure in ratios] == [f"{name}'s" for name in PEERS]
    assert all(0.1 < measure.value < 10 for measure in ratios)
    assert all(measure.holds == (measure.value < 1) for measure in ratios)
    limited = {measure.measure.rpartition(": ")[2]: measure for measure in measures if measure.goal == "<= 0.01"}
    assert set(limited) == {"our violating observations", "our unmet volume"}
    assert all(measure.holds == (measure.value <= 0.01) for measure in limited.values())
    (speed,) = (measure for measure in measures if measure.unit == "workload-days/s")
    assert speed.value > 0
