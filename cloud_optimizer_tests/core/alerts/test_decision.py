"""Each thing is told once in a quiet time, nothing is lost, and an hour has a bounded number of messages."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_optimizer.core.alerts.alert import Alert
from cloud_optimizer.core.alerts.decision import AlertState, decide, remember
from cloud_optimizer.core.alerts.settings import AlertSettings

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETTINGS = AlertSettings(quiet=24 * HOUR, most_per_hour=3)


def failed(job: str, event: str | None = None, at: datetime = NOON) -> Alert:
    facts = {"job": job, "partition": "web|2026-03-01", "error": "boom."}
    return Alert("run_failed", job, facts, at, event or job, "abc")


def drift(number: int, at: datetime = NOON) -> Alert:
    facts = {"cluster": "web", "check": "data_drift", "partition": f"web|{number}", "description": "cpu moved"}
    return Alert("drift", "web data_drift", facts, at, f"data_drift:{number}")


def stale() -> Alert:
    return Alert("stale_data", "web", {"cluster": "web", "newest": "2026-02-27"}, NOON)


def tell(found: list[Alert], state: AlertState, now: datetime) -> tuple[list[str], AlertState]:
    verdict = decide(found, state, SETTINGS, now)
    titles = [message.title for message in verdict.messages]
    return titles, remember(state, verdict.messages, verdict.quiet, SETTINGS, now)


def test_an_event_is_told_once_for_ever() -> None:
    titles, state = tell([failed("a")], AlertState(), NOON)
    assert titles == ["Run failed: a, web|2026-03-01"]
    assert tell([failed("a")], state, NOON + 100 * HOUR)[0] == []


def test_the_same_thing_happening_again_is_quiet_and_then_told_with_its_number() -> None:
    _, state = tell([drift(1)], AlertState(), NOON)
    for number in (2, 3):
        titles, state = tell([drift(n) for n in range(1, number + 1)], state, NOON + number * HOUR)
        assert titles == []
    verdict = decide([drift(4)], state, SETTINGS, NOON + 25 * HOUR)
    (message,) = verdict.messages
    assert message.text == "cpu moved (web|4). It happened 2 more time(s) since it was last told."


def test_the_same_thing_several_times_at_once_is_one_message_with_the_newest_words() -> None:
    (message,) = decide([drift(3, NOON + HOUR), drift(1), drift(2)], AlertState(), SETTINGS, NOON).messages
    assert message.text == "cpu moved (web|3). It happened 2 more time(s) since it was last told."
    state = remember(AlertState(), [message], (), SETTINGS, NOON)
    assert set(state.events) == {"data_drift:1", "data_drift:2", "data_drift:3"}


def test_a_state_that_lasts_is_told_again_after_the_quiet_time_without_counting_looks() -> None:
    _, state = tell([stale()], AlertState(), NOON)
    for minute in range(1, 60):
        titles, state = tell([stale()], state, NOON + timedelta(minutes=minute))
        assert titles == []
    (message,) = decide([stale()], state, SETTINGS, NOON + 24 * HOUR).messages
    assert "more time" not in message.text


def test_more_than_an_hour_allows_comes_as_a_digest_that_names_everything() -> None:
    found = [failed(name) for name in "abcde"]
    verdict = decide([drift(1), *found], AlertState(), SETTINGS, NOON)
    assert [m.title for m in verdict.messages][:2] == ["Run failed: a, web|2026-03-01", "Run failed: b, web|2026-03-01"]
    rest = verdict.messages[2]
    assert rest.title == "4 more alerts"
    assert rest.severity == "error"
    assert rest.text.splitlines()[-1] == "- Drift in web: data_drift"
    state = remember(AlertState(), verdict.messages, verdict.quiet, SETTINGS, NOON)
    assert decide([drift(1), *found], state, SETTINGS, NOON + 2 * HOUR).messages == ()


def test_when_the_hour_is_used_up_alerts_wait_and_are_not_lost() -> None:
    _, state = tell([failed(name) for name in "abc"], AlertState(), NOON)
    verdict = decide([failed("d")], state, SETTINGS, NOON + HOUR / 2)
    assert (verdict.messages, verdict.held) == ((), 1)
    state = remember(state, verdict.messages, verdict.quiet, SETTINGS, NOON + HOUR / 2)
    assert tell([failed("d")], state, NOON + HOUR)[0] == ["Run failed: d, web|2026-03-01"]


def test_what_did_not_arrive_is_told_again() -> None:
    verdict = decide([failed("a"), failed("b")], AlertState(), SETTINGS, NOON)
    state = remember(AlertState(), verdict.messages[:1], verdict.quiet, SETTINGS, NOON)
    assert tell([failed("a"), failed("b")], state, NOON)[0] == ["Run failed: b, web|2026-03-01"]


def test_the_state_survives_being_written_down() -> None:
    _, state = tell([failed("a"), drift(1)], AlertState(), NOON)
    assert AlertState.model_validate_json(state.model_dump_json()) == state


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from("abcdefgh"), st.booleans()), max_size=80))
def test_never_too_many_never_twice_and_every_event_is_settled(happenings: list[tuple[int, str, bool]]) -> None:
    """Whatever happens when, and whether the channels work: looks every 10 minutes for days."""
    state, sent, told = AlertState(), list[datetime](), list[str]()
    events = [failed(job, f"{n}", NOON + timedelta(minutes=minute)) for n, (minute, job, _) in enumerate(happenings)]
    broken = {minute // 10 for minute, _, breaks in happenings if breaks}
    for look in range(100):
        now = NOON + timedelta(minutes=10 * look)
        verdict = decide([event for event in events if event.at <= now], state, SETTINGS, now)
        arrived = () if look in broken else verdict.messages
        state = remember(state, arrived, verdict.quiet, SETTINGS, now)
        sent += [now] * len(arrived)
        told += [alert.event or "" for message in arrived for alert in message.alerts]
        assert sum(at > now - HOUR for at in sent) <= SETTINGS.most_per_hour
    assert len(told) == len(set(told))
    assert set(state.events) == {event.event for event in events}
