"""One retraining a cause, bounded; persistent drift leads neither to a storm nor to silence."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_optimizer.core.retraining import (
    Cause,
    RetrainingSettings,
    RetrainingState,
    age_cause,
    retraining_decision,
    volume_cause,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETTINGS = RetrainingSettings(cool_down=12 * HOUR, maximum_failures=3)


def cause(identity: str = "data_drift:7", at: datetime = NOON) -> Cause:
    return Cause(identity, at, "2026-03-01", f"{identity} failed")


def test_a_new_cause_is_answered_and_settled() -> None:
    verdict = retraining_decision([cause()], RetrainingState(), SETTINGS, NOON)
    assert (verdict.retrain, verdict.cause, verdict.settled) == (True, cause(), frozenset({"data_drift:7"}))
    assert verdict.reasons == ("data_drift:7 failed",)


def test_several_causes_lead_to_one_request_for_the_newest_with_all_reasons() -> None:
    causes = [cause("a", NOON - HOUR), cause("c", NOON), cause("b", NOON - 2 * HOUR)]
    verdict = retraining_decision(causes, RetrainingState(), SETTINGS, NOON)
    assert verdict.cause == causes[1]
    assert verdict.settled == {"a", "b", "c"}
    assert verdict.reasons == ("b failed", "a failed", "c failed")


def test_without_causes_nothing_happens() -> None:
    verdict = retraining_decision([], RetrainingState(), SETTINGS, NOON)
    assert (verdict.retrain, verdict.cause, verdict.settled) == (False, None, frozenset())


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (RetrainingState(in_flight=True, last_requested=NOON - 30 * HOUR), "in flight"),
        (RetrainingState(last_requested=NOON - 11 * HOUR), "cooling down until 2026-03-02 13:00 UTC"),
        (RetrainingState(last_requested=NOON - 30 * HOUR, failures=3), "last 3 retrainings failed"),
    ],
)
def test_a_cause_waits_unsettled_while_the_cluster_is_guarded(state: RetrainingState, words: str) -> None:
    verdict = retraining_decision([cause()], state, SETTINGS, NOON)
    assert not verdict.retrain
    assert verdict.settled == frozenset()
    assert words in verdict.reasons[0]


@pytest.mark.parametrize(
    "state",
    [
        RetrainingState(last_requested=NOON - 12 * HOUR),
        RetrainingState(last_requested=NOON - 30 * HOUR, failures=2),
    ],
)
def test_after_the_cool_down_and_below_the_failure_limit_it_goes_on(state: RetrainingState) -> None:
    assert retraining_decision([cause()], state, SETTINGS, NOON).retrain


def test_a_cause_older_than_the_latest_request_is_settled_by_it() -> None:
    state = RetrainingState(last_requested=NOON)
    verdict = retraining_decision([cause(at=NOON - HOUR)], state, SETTINGS, NOON + 48 * HOUR)
    assert (verdict.retrain, verdict.settled) == (False, frozenset({"data_drift:7"}))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=20, max_size=60))
def test_persistent_drift_is_answered_again_and_again_but_never_faster_than_the_cool_down(
    hours: list[tuple[int, bool]],
) -> None:
    """Play a sensor: each tick may bring a failed check; runs take an hour and succeed."""
    now, seen, open_causes, requests = NOON, set[str](), list[Cause](), list[datetime]()
    for tick, (wait, failed) in enumerate(hours):
        now += (1 + wait) * HOUR
        if failed:
            open_causes.append(cause(f"check:{tick}", now))
        waiting = [item for item in open_causes if item.identity not in seen]
        last = requests[-1] if requests else None
        state = RetrainingState(in_flight=last is not None and now - last < HOUR, last_requested=last)
        verdict = retraining_decision(waiting, state, SETTINGS, now)
        seen |= verdict.settled
        if verdict.retrain:
            requests.append(now)
    gaps = [later - earlier for earlier, later in pairwise(requests)]
    assert all(gap >= SETTINGS.cool_down for gap in gaps)
    # a final look after the cool-down leaves nothing unanswered
    now += 24 * HOUR
    waiting = [item for item in open_causes if item.identity not in seen]
    last = requests[-1] if requests else None
    verdict = retraining_decision(waiting, RetrainingState(last_requested=last), SETTINGS, now)
    assert {item.identity for item in waiting} == verdict.settled
    assert verdict.retrain == any(last is None or item.at > last for item in waiting)


def test_age_asks_once_a_day_from_the_day_after_the_limit() -> None:
    learned, limit = date(2026, 3, 1), RetrainingSettings(maximum_age=timedelta(days=14))
    assert age_cause("c", learned, date(2026, 3, 15), "c|2026-03-15", limit) is None
    first, second = (age_cause("c", learned, date(2026, 3, day), f"c|2026-03-{day}", limit) for day in (16, 17))
    assert first is not None
    assert second is not None
    assert first.partition == "c|2026-03-16"
    assert first.at == datetime(2026, 3, 17, tzinfo=UTC)
    assert first.words == "the models of c learned until 2026-03-01, 15 days ago"
    assert first.identity != second.identity  # a failed training does not silence it


@pytest.mark.parametrize(("new", "asks"), [(0, False), (499, False), (500, True)])
def test_volume_asks_when_the_new_samples_reach_their_share(new: int, asks: bool) -> None:
    found = volume_cause("c", date(2026, 3, 9), "c|2026-03-09", new, 1000, RetrainingSettings(new_data_share=0.5))
    assert (found is not None) is asks


def test_the_first_samples_of_a_cluster_without_a_training_ask_for_one() -> None:
    assert volume_cause("c", date(2026, 3, 9), "c|2026-03-09", 1, 0, SETTINGS) is not None
