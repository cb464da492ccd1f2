"""Losses in rows become contenders on one window."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from cloud_optimizer.core.champion import ChampionSettings
from cloud_optimizer.core.champion.window import contenders, expected_wape

DAYS = [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2)]


def _row(model: str, workload: str, day: int, target: str, loss: float) -> dict[str, object]:
    sums = {"quantile_score": loss, "demand": 10.0, "provision": 24.0, "shortage": 0.5, "count": 24.0}
    return {"model": model, "workload_id": workload, "origin": DAYS[day], "target": target, **sums}


ROWS = [
    _row(model, workload, day, target, loss)
    for model, loss in (("a", 1.0), ("b", 2.0))
    for workload in ("w1", "w2")
    for day in (0, 1)
    for target in ("cpu_mean", "cpu_peak", "memory_peak")
]


def test_targets_of_the_resource_add_up_and_the_peak_prices_the_decision() -> None:
    found, demand = contenders(pl.DataFrame(ROWS), "cpu", ChampionSettings(shortage_price=10.0))
    assert list(found) == ["a", "b"]
    assert found["b"].losses is not None
    assert found["b"].losses.tolist() == [[4.0, 4.0], [4.0, 4.0]]
    assert found["b"].costs is not None
    assert found["b"].costs.tolist() == [[29.0, 29.0], [29.0, 29.0]]  # 24 + 10 * 0.5, once
    assert demand.tolist() == [[20.0, 20.0], [20.0, 20.0]]


def test_a_cell_that_a_model_left_out_is_unknown() -> None:
    rows = [row for row in ROWS if (row["model"], row["workload_id"], row["origin"]) != ("b", "w2", DAYS[1])]
    found, _ = contenders(pl.DataFrame(rows), "cpu")
    assert found["b"].losses is not None
    assert np.isnan(found["b"].losses).tolist() == [[False, False], [False, True]]


def test_a_cell_with_half_of_the_targets_is_unknown() -> None:
    missing = ("b", "w1", "cpu_peak")
    rows = [row for row in ROWS if (row["model"], row["workload_id"], row["target"]) != missing]
    found, _ = contenders(pl.DataFrame(rows), "cpu")
    assert found["b"].losses is not None
    assert np.isnan(found["b"].losses).tolist() == [[True, True], [False, False]]


def test_a_target_that_nobody_could_be_scored_on_is_not_asked_for() -> None:
    rows = [row for row in ROWS if row["target"] != "cpu_peak"]
    found, _ = contenders(pl.DataFrame(rows), "cpu")
    assert found["a"].losses is not None
    assert found["a"].losses.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert found["a"].costs == pytest.approx(np.full((2, 2), 24 + 64 * 0.5))


def test_no_rows_give_no_contenders() -> None:
    found, demand = contenders(pl.DataFrame(ROWS).clear(), "cpu")
    assert found == {}
    assert demand.shape == (0, 0)


def test_the_expected_wape_pools_the_targets_of_the_resource() -> None:
    errors = {"cpu_mean": 1.0, "cpu_peak": 3.0, "memory_peak": 9.0}
    rows = [{**_row("a", "w1", 0, target, 1.0), "absolute_error": error} for target, error in errors.items()]
    losses = pl.DataFrame(rows)
    assert expected_wape(losses, "cpu") == pytest.approx(0.2)  # (1 + 3) / (10 + 10)
    assert expected_wape(losses, "memory") == pytest.approx(0.9)


def test_the_expected_wape_of_no_demand_is_unknown() -> None:
    idle = pl.DataFrame([{**_row("a", "w1", 0, "cpu_mean", 1.0), "absolute_error": 1.0, "demand": 0.0}])
    assert expected_wape(idle, "cpu") is None
    assert expected_wape(idle, "memory") is None
