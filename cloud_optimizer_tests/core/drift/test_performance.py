"""A forecast that is clearly worse than promised is named, one that cannot be judged is not called fine."""

from datetime import date

import polars as pl
import pytest

from cloud_optimizer.core.drift.performance import PerformanceSettings, performance_verdict
from cloud_optimizer.core.records import ACCURACY_SCHEMA, CHAMPION_SCHEMA

D = date(2026, 3, 2)


def accuracy(
    wape: float | None, target: str = "cpu_mean", observations: int = 288, **other: object
) -> dict[str, object]:
    row = {"cluster": "c", "date": D, "target": target, "model": "m", "model_version": "3", "series": 12}
    return {**dict.fromkeys(ACCURACY_SCHEMA), **row, "observations": observations, "wape": wape, **other}


def judged(*rows: dict[str, object], expected: float | None = 0.2) -> tuple[bool, bool, str]:
    champion = {"cluster": "c", "date": D, "resource": "cpu", "model": "m", "model_version": "3"}
    champions = pl.DataFrame(
        [{**dict.fromkeys(CHAMPION_SCHEMA), **champion, "expected_wape": expected}], schema=CHAMPION_SCHEMA
    )
    found = performance_verdict("c", D, pl.DataFrame(list(rows), schema=ACCURACY_SCHEMA), champions)
    cpu = found.resources["cpu"]
    assert (found.judged, found.degraded, found.reasons) == (cpu.judged, cpu.degraded, (cpu.reason,))
    return cpu.judged, cpu.degraded, cpu.reason


@pytest.mark.parametrize(
    ("wape", "expected", "degraded"),
    [(0.36, 0.2, True), (0.34, 0.2, False), (0.04, 0.02, False), (0.08, 0.02, True), (0.1, 0.2, False)],
)
def test_a_day_is_degraded_beyond_the_ratio_and_the_smallest_increase(
    wape: float, expected: float, degraded: bool
) -> None:
    assert judged(accuracy(wape), expected=expected)[:2] == (True, degraded)


def test_the_targets_of_a_resource_are_averaged_and_others_do_not_count() -> None:
    rows = accuracy(0.2), accuracy(0.54, "cpu_peak"), accuracy(9.0, "memory_mean")
    assert judged(*rows) == (True, True, "cpu: m has a WAPE of 0.370, expected 0.200, limit 0.350")


@pytest.mark.parametrize(
    "row",
    [
        accuracy(9.0, observations=47),
        accuracy(None, observations=0),
        accuracy(9.0, model="challenger"),
        accuracy(9.0, model_version="2"),
        accuracy(9.0, date=date(2026, 3, 1)),
        accuracy(9.0, cluster="other"),
    ],
)
def test_what_is_too_little_or_not_the_champions_is_not_judged(row: dict[str, object]) -> None:
    judged_, degraded, reason = judged(row)
    assert (judged_, degraded) == (False, False)
    assert "values could be compared" in reason


def test_without_a_promise_there_is_nothing_to_compare_with() -> None:
    assert judged(accuracy(9.0), expected=None) == (
        False,
        False,
        "cpu was not judged: no loss was recorded at its promotion",
    )


def test_no_champion_gives_an_unjudged_verdict() -> None:
    found = performance_verdict("c", D, ACCURACY_SCHEMA.to_frame(), CHAMPION_SCHEMA.to_frame(), PerformanceSettings())
    assert (found.judged, found.degraded, found.reasons) == (False, False, ())
