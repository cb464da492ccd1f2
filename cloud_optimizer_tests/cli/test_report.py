"""What is printed after a run, computed from what the warehouse holds."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, cast

import polars as pl
import pytest

from cloud_optimizer.cli.report import champion_accuracy, drift, newest_recommendations, quarantine, replays
from cloud_optimizer.cli.results import read_results
from cloud_optimizer.connections import Platform
from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.partitions import Slice
from cloud_optimizer.resources.warehouse import ACCURACY, DRIFT, QUARANTINE, RECOMMENDATIONS, Table, Warehouse
from cloud_optimizer.resources.warehouse.reports import POLICY_REPLAYS
from cloud_optimizer_tests.resources.warehouse.frames import rows as rows_of

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 2)
WEEK = [Slice("web", FIRST, LAST)]


@dataclass(frozen=True)
class Place:
    """What a report uses of a platform."""

    warehouse: Warehouse


@pytest.fixture
def platform(warehouse: Warehouse) -> Platform:
    return cast(Platform, Place(warehouse))


def store(warehouse: Warehouse, table: Table, day: date, *rows: dict[str, Any], cluster: str = "web") -> None:
    """Replace a day of a table; columns that a row does not name are null."""
    full = [{name: row.get(name) for name in table.schema} | {"cluster": cluster} for row in rows]
    frame = pl.DataFrame(full, schema=table.schema)
    warehouse.replace(cluster, day, day + DAY, {table: frame})


def evidence(day: date, column: str, value: float, threshold: float, statistic: str = "ks") -> dict[str, Any]:
    kind = {"date": day, "kind": "target", "column": column, "statistic": statistic}
    return {**kind, "value": value, "threshold": threshold, "drifted": value > threshold}


def verdict(day: date, drifted: bool) -> dict[str, Any]:
    return {**evidence(day, "*", float(drifted), 1.0, "verdict"), "drifted": drifted}


def test_drift_counts_days_and_names_the_column_furthest_beyond_its_threshold(platform: Platform) -> None:
    store(platform.warehouse, DRIFT, FIRST, evidence(FIRST, "cpu_mean", 0.3, 0.2), verdict(FIRST, True))
    store(platform.warehouse, DRIFT, LAST, evidence(LAST, "memory_mean", 0.4, 0.1), verdict(LAST, False))
    assert drift(platform, WEEK).to_dicts() == [
        {
            "cluster": "web",
            "kind": "target",
            "judged": 2,
            "drifted": 1,
            "furthest_column": "memory_mean",
            "of_its_threshold_ratio": pytest.approx(4.0),
        }
    ]


def test_days_that_could_not_be_judged_count_as_neither(platform: Platform) -> None:
    assert drift(platform, WEEK).is_empty()
    store(platform.warehouse, DRIFT, FIRST, evidence(FIRST, "cpu_mean", 0.1, 0.2))
    (row,) = drift(platform, WEEK).to_dicts()
    assert (row["judged"], row["drifted"]) == (0, 0)


def test_newest_recommendations_are_those_of_the_last_decided_day_of_each_cluster(platform: Platform) -> None:
    warehouse = platform.warehouse
    for cluster, day, days in (("web", FIRST, 2), ("batch", FIRST, 1)):
        frame = rows_of(RECOMMENDATIONS, cluster, day, days=days, workloads=1)
        warehouse.replace(cluster, day, day + days * DAY, {RECOMMENDATIONS: frame})
    newest = newest_recommendations(warehouse)
    assert sorted(newest.select("cluster", "date").rows()) == [("batch", FIRST), ("web", LAST)]
    assert newest_recommendations(warehouse, "web")["date"].to_list() == [LAST]
    with pytest.raises(InputError, match="There is no cluster wbe: did you mean web"):
        newest_recommendations(warehouse, "wbe")
    with pytest.raises(InputError, match="There is no cluster nobody: choose from batch, web"):
        newest_recommendations(warehouse, "nobody")


def test_accuracy_of_champions_is_the_mean_of_the_days_that_were_observed(platform: Platform) -> None:
    def row(day: date, wape: float | None, observations: int) -> dict[str, Any]:
        model = {"target": "cpu_mean", "model": "gru", "model_version": "1", "series": 1}
        return {**model, "date": day, "wape": wape, "observations": observations}

    store(platform.warehouse, ACCURACY, FIRST, row(FIRST, 0.1, 24))
    store(platform.warehouse, ACCURACY, LAST, row(LAST, 0.3, 24))
    (found,) = champion_accuracy(platform, WEEK).to_dicts()
    assert (found["scored"], found["wape"]) == (2, pytest.approx(0.2))
    store(platform.warehouse, ACCURACY, LAST, row(LAST, None, 0))
    (found,) = champion_accuracy(platform, WEEK).to_dicts()
    assert (found["scored"], found["wape"]) == (1, pytest.approx(0.1))


def test_quarantine_counts_by_reason_over_all_days_up_to_the_last(platform: Platform) -> None:
    def row(day: date, reason: str) -> dict[str, Any]:
        when = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return {"workload_id": "vm", "timestamp": when, "reason": reason, "detail": f"{reason} it is"}

    early = date(2026, 2, 1)
    store(platform.warehouse, QUARANTINE, early, row(early, "negative"))
    store(platform.warehouse, QUARANTINE, FIRST, row(FIRST, "negative"), row(FIRST, "duplicate"))
    found = quarantine(platform.warehouse, WEEK)
    assert found.rows() == [("web", "negative", 2, "negative it is"), ("web", "duplicate", 1, "duplicate it is")]


def test_replays_show_daily_cpu_of_the_newest_day_cheapest_first(platform: Platform) -> None:
    def row(policy: str, provision: float, resource: str = "cpu", contract: str = "daily") -> dict[str, Any]:
        keys = {"date": LAST, "resource": resource, "contract": contract}
        return {**keys, "policy": policy, "provision": provision}

    rows = [row("static", 1.0), row("ours", 0.4), row("ours", 0.2, contract="hourly"), row("ours", 0.5, "memory")]
    store(platform.warehouse, POLICY_REPLAYS, LAST, *rows)
    assert replays(platform, WEEK).select("policy", "provision").rows() == [("ours", 0.4), ("static", 1.0)]


def test_results_of_days_that_were_never_decided_are_empty_tables(platform: Platform) -> None:
    assert read_results(platform, RECOMMENDATIONS, WEEK).schema == RECOMMENDATIONS.schema
