"""Which alerts are told now: a pure decision on what was found and what was told before."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from cloud_optimizer.core.alerts.alert import SEVERITIES, Alert, Message, digest, message
from cloud_optimizer.core.alerts.settings import AlertSettings

HOUR: Final = timedelta(hours=1)
EVENTS_REMEMBERED: Final = 5000  # more than the histories that are read, so that nothing is told twice


class Told(BaseModel):
    """When something was last told, and how often it happened since."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    repeats: int = 0


class AlertState(BaseModel):
    """What was told so far.

    Args:
        events: Identities of events that need no further look, oldest first.
        told: By identity of the alert.
        messages: When messages were sent, the last hour.
    """

    model_config = ConfigDict(frozen=True)

    events: tuple[str, ...] = ()
    told: Mapping[str, Told] = {}
    messages: tuple[AwareDatetime, ...] = ()


@dataclass(frozen=True)
class AlertVerdict:
    """What to do now.

    Args:
        messages: To send, the most severe first.
        quiet: Alerts told recently: they count as repeats.
        held: Number of alerts that wait, because an hour's messages were sent.
    """

    messages: tuple[Message, ...]
    quiet: tuple[Alert, ...]
    held: int


def decide(found: Sequence[Alert], state: AlertState, settings: AlertSettings, now: datetime) -> AlertVerdict:
    """Tell each thing once in a quiet time, and no more messages in an hour than the settings allow.

    When there is more to tell than messages are left, the last one names all the rest. When none is left, everything
    waits: it is found again at the next look.
    """
    known = frozenset(state.events)
    fresh = sorted((alert for alert in found if alert.event not in known), key=lambda alert: alert.at)
    quiet = tuple(alert for alert in fresh if _is_quiet(alert, state, settings, now))
    groups: dict[str, list[Alert]] = defaultdict(list)
    for alert in fresh:
        if not _is_quiet(alert, state, settings, now):
            groups[alert.identity].append(alert)
    due = sorted(groups.values(), key=lambda group: (SEVERITIES.index(group[-1].severity), group[-1].at))
    left = settings.most_per_hour - sum(sent > now - HOUR for sent in state.messages)
    if left <= 0:
        return AlertVerdict((), quiet, len(due))
    single = due if len(due) <= left else due[: left - 1]
    messages = [message(group, _repeats(group[-1], state), settings.ui_url) for group in single]
    if len(due) > len(single):
        messages.append(digest(due[len(single) :]))
    return AlertVerdict(tuple(messages), quiet, 0)


def remember(
    state: AlertState, sent: Sequence[Message], quiet: Sequence[Alert], settings: AlertSettings, now: datetime
) -> AlertState:
    """Return the state after some messages arrived; what did not arrive is found again."""
    told = {identity: last for identity, last in state.told.items() if last.at > now - 2 * settings.quiet}
    for alert in quiet:
        if alert.event is not None:  # a state that lasts is found at every look
            last = told[alert.identity]
            told[alert.identity] = Told(at=last.at, repeats=last.repeats + 1)
    arrived = [alert for one in sent for alert in one.alerts]
    told |= {alert.identity: Told(at=now) for alert in arrived}
    events = [*state.events, *(alert.event for alert in (*quiet, *arrived) if alert.event is not None)]
    messages = [*(at for at in state.messages if at > now - HOUR), *(now for _ in sent)]
    return AlertState(events=tuple(events[-EVENTS_REMEMBERED:]), told=told, messages=tuple(messages))


def _is_quiet(alert: Alert, state: AlertState, settings: AlertSettings, now: datetime) -> bool:
    last = state.told.get(alert.identity)
    return last is not None and now - last.at < settings.quiet


def _repeats(alert: Alert, state: AlertState) -> int:
    last = state.told.get(alert.identity)
    return last.repeats if last else 0
