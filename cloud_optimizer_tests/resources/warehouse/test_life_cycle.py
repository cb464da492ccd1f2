"""What may happen to a recommendation, and what is remembered of it."""

from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from psycopg.rows import tuple_row

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.warehouse import RECOMMENDATIONS, Warehouse
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
    proposed.change_status(FIRST, "accepted", NOW, actor="ann", note="fits")
    proposed.change_status(FIRST, "applied", NOW, actor="pipeline")
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
        proposed.change_status(FIRST, step, NOW, actor="ann")
    before = (statuses(proposed), audit(proposed))
    with pytest.raises(InputError, match=f"cannot become {steps[-1]}"):
        proposed.change_status(FIRST, steps[-1], NOW, actor="ann")
    assert (statuses(proposed), audit(proposed)) == before


def test_an_unknown_recommendation_is_refused(proposed: Warehouse) -> None:
    with pytest.raises(InputError, match="no recommendation"):
        proposed.change_status("'; DROP TABLE recommendations; --", "accepted", NOW, actor="ann")


def test_running_the_partition_again_keeps_what_people_decided(proposed: Warehouse) -> None:
    proposed.change_status(SECOND, "dismissed", NOW, actor="ann")
    proposed.replace("alpha", DAY, NEXT, {RECOMMENDATIONS: rows(RECOMMENDATIONS, "alpha", DAY)})
    assert statuses(proposed) == ["proposed", "dismissed"]


def test_only_open_recommendations_expire_when_their_time_has_passed(proposed: Warehouse) -> None:
    proposed.change_status(FIRST, "applied", NOW, actor="ann")
    assert proposed.expire_recommendations(NOW) == 0
    assert proposed.expire_recommendations(NOW + timedelta(hours=12)) == 1
    assert statuses(proposed) == ["applied", "expired"]
    assert audit(proposed)[-1] == (SECOND, "proposed", "expired", "platform", "valid_until passed")
    assert proposed.expire_recommendations(NOW + timedelta(hours=12)) == 0
