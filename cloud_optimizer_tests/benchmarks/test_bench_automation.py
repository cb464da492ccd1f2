"""Queued trainings and a backfill as figures: what is missing, mixed or twice is counted, overhead is shared out."""

from collections import Counter

import pytest

from benchmarks.bench_automation import Backfilled, Queued, measures

FIRST, SECOND = ("lightgbm_model", "a", "2026-03-01"), ("lightgbm_model", "b", "2026-03-01")
HISTORY = Backfilled(partitions=10, runs=2, seconds=9.0, inside=5.0, complete=True)


def found(recorded: Counter[tuple[str, str, str]], succeeded: int = 2) -> dict[str, bool]:
    queued = Queued(Counter([FIRST, SECOND]), succeeded, recorded, seconds=8.0, start_seconds=2.0)
    return {measure.measure: measure.holds for measure in measures(queued, HISTORY) if measure.goal}


def test_one_mlflow_run_for_each_training_holds() -> None:
    assert all(found(Counter([FIRST, SECOND])).values())


@pytest.mark.parametrize("recorded", [[FIRST], [FIRST, FIRST], [FIRST, SECOND, SECOND]], ids=["lost", "mixed", "twice"])
def test_a_run_that_is_missing_mixed_or_twice_is_a_missed_goal(recorded: list[tuple[str, str, str]]) -> None:
    assert not found(Counter(recorded))["MLflow runs missing, mixed or twice"]


def test_a_training_that_failed_is_a_missed_goal() -> None:
    assert not found(Counter([FIRST, SECOND]), succeeded=1)["of them finished"]


def test_the_overhead_of_a_partition_is_all_that_is_not_work_and_the_start_of_the_runs() -> None:
    queued = Queued(Counter([FIRST]), 1, Counter([FIRST]), seconds=4.0, start_seconds=2.0)
    (each,) = (m for m in measures(queued, HISTORY) if m.measure.startswith("orchestration"))
    assert each.value == pytest.approx(((9 - 5) + 2 * 2) / 10)
