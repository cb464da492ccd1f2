"""What may happen to a recommendation, and what is remembered of it."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import psycopg
import pytest
from psycopg.rows import tuple_row

from cloud_optimizer.core.costs.prices import PriceSettings
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.warehouse import RECOMMENDATIONS, Warehouse
from cloud_optimizer.resources.warehouse.dimensions import record_workloads
from cloud_optimizer.resources.warehouse.life_cycle import change_status, expire_recommendations, read_ledger
from cloud_optimizer_tests.resources.warehouse.frames import rows

DAY = date(2025, 3, 1)
NEXT = DAY + timedelta(days=1)
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
FIRST, SECOND = "alpha/w0/2025-03-01", "alpha/w1/2025-03-01"


@pytest.fixture
def proposed(warehouse: Warehouse) -> Warehouse:
    """Return a warehouse with two proposed recommendations, valid until midnight."""
    warehouse.replace("alpha", DAY, NEXT, {RECOMMENDATIONS: rows(RECOMMENDATIONS, "alpha", DAY)})
    return warehouse


def statuses(warehouse: Warehouse) -> list[str]:
    return warehouse.read(RECOMMENDATIONS, "alpha", DAY, NEXT)["status"].to_list()


def audit(warehouse: Warehouse) -> list[tuple[object, ...]]:
    with psycopg.connect(warehouse.url, row_factory=tuple_row) as connection:
        return connection.execute(
            "SELECT recommendation_id, from_status, to_status, actor, note"
            " FROM recommendation_transitions ORDER BY 1, transition_id"
        ).fetchall()


def test_every_step_is_in_the_audit(proposed: Warehouse) -> None:
    change_status(proposed, [FIRST], "accepted", NOW, actor="ann", note="fits")
    change_status(proposed, [FIRST], "applied", NOW, actor="pipeline")
    assert statuses(proposed) == ["applied", "proposed"]
    assert audit(proposed) == [
        (FIRST, "proposed", "accepted", "ann", "fits"),
        (FIRST, "accepted", "applied", "pipeline", None),
    ]


@pytest.mark.parametrize(
    "steps", [["reverted"], ["dismissed", "applied"], ["applied", "proposed"], ["gone"], ["proposed"]]
)
def test_a_step_that_the_life_cycle_does_not_have_changes_nothing(proposed: Warehouse, steps: list[str]) -> None:
    for step in steps[:-1]:
        change_status(proposed, [FIRST], step, NOW, actor="ann")
    before = (statuses(proposed), audit(proposed))
    with pytest.raises(InputError, match=f"cannot become {steps[-1]}"):
        change_status(proposed, [FIRST], steps[-1], NOW, actor="ann")
    assert (statuses(proposed), audit(proposed)) == before


def test_an_unknown_recommendation_is_refused_and_so_are_those_beside_it(proposed: Warehouse) -> None:
    with pytest.raises(InputError, match="no recommendation"):
        change_status(proposed, ["'; DROP TABLE recommendations; --", FIRST], "accepted", NOW, actor="ann")
    with pytest.raises(InputError, match="no recommendation"):
        change_status(proposed, [FIRST, "zeta"], "accepted", NOW, actor="ann")
    assert statuses(proposed) == ["proposed", "proposed"]


def test_running_the_partition_again_keeps_what_people_decided(proposed: Warehouse) -> None:
    change_status(proposed, [SECOND], "dismissed", NOW, actor="ann")
    proposed.replace("alpha", DAY, NEXT, {RECOMMENDATIONS: rows(RECOMMENDATIONS, "alpha", DAY)})
    assert statuses(proposed) == ["proposed", "dismissed"]


def test_only_open_recommendations_expire_when_their_time_has_passed(proposed: Warehouse) -> None:
    change_status(proposed, [FIRST], "applied", NOW, actor="ann")
    assert expire_recommendations(proposed, NOW) == 0
    assert expire_recommendations(proposed, NOW + timedelta(hours=12)) == 1
    assert statuses(proposed) == ["applied", "expired"]
    assert audit(proposed)[-1] == (SECOND, "proposed", "expired", "platform", "valid_until passed")
    assert expire_recommendations(proposed, NOW + timedelta(hours=12)) == 0


def test_what_is_applied_enters_the_ledger_at_the_prices_of_the_time_and_a_rollback_ends_it(
    proposed: Warehouse,
) -> None:
    priced = {"cluster": ["alpha"], "workload_id": ["w0"], "core_hour": [0.5], "gib_hour": [0.1]}
    record_workloads(proposed, pl.DataFrame(priced), NOW - timedelta(days=3))
    change_status(proposed, [FIRST, SECOND], "applied", NOW, actor="ann", prices=PriceSettings(core_hour=9.0))
    ledger = read_ledger(proposed, "alpha", NOW + timedelta(seconds=1))
    assert ledger.select("recommendation_id", "applied_by", "core_hour").rows() == [
        (FIRST, "ann", 0.5),
        (SECOND, "ann", 9.0),
    ]
    later = NOW + timedelta(hours=5)
    change_status(proposed, [FIRST], "reverted", later, actor="bob", note="too slow")
    ended = read_ledger(proposed, "alpha", later).row(0, named=True)
    assert (ended["reverted_at"], ended["reverted_by"], ended["revert_reason"]) == (later, "bob", "too slow")
    assert read_ledger(proposed, "alpha", NOW).is_empty()


def test_a_rollback_before_its_application_changes_nothing(proposed: Warehouse) -> None:
    change_status(proposed, [FIRST], "applied", NOW, actor="ann")
    before = (statuses(proposed), audit(proposed))
    with pytest.raises(InputError, match="cannot be taken back before it was applied"):
        change_status(proposed, [FIRST], "reverted", NOW - timedelta(hours=1), actor="ann")
    assert (statuses(proposed), audit(proposed)) == before
