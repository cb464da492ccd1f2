"""The sensor that tells people: it looks, decides what is new, sends it, and remembers what arrived.

One sensor rather than Dagster's run failure sensor: deduplication and the rate limit hold over all kinds of alerts
together, and what could not be sent is found again at the next look. What arrived is remembered in the cursor when the
tick ends, so a crash in between tells something twice, never not at all.
"""

from collections.abc import Sequence
from datetime import timedelta

from dagster import (
    DefaultSensorStatus,
    ResourceParam,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)
from pydantic import AwareDatetime, BaseModel

from cloud_optimizer.automation.alert_sources import (
    critical_recommendations,
    failed_drift_and_blocking_checks,
    failed_runs,
    retrainings,
    stale_clusters,
)
from cloud_optimizer.core.alerts.alert import Alert, Message
from cloud_optimizer.core.alerts.decision import AlertState, decide, remember
from cloud_optimizer.core.alerts.formats import mail_body
from cloud_optimizer.core.clock import Clock
from cloud_optimizer.resources.notifications import Notifications
from cloud_optimizer.resources.telemetry.catalog import SourceCatalog
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.settings import Settings

LOOK_BACK = timedelta(days=2)
FIRST_LOOK_BACK = timedelta(hours=1)  # what failed before there were alerts is history


class Cursor(BaseModel):
    """What the sensor remembers: since when it looks, and what was told."""

    since: AwareDatetime
    state: AlertState = AlertState()


@sensor(
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description="Tells people what needs them: failed runs and checks, drift, stale telemetry, critical risk, and how "
    "retrainings ended. Each once a day at most, a bounded number an hour.",
)
def alerts(
    context: SensorEvaluationContext,
    settings: ResourceParam[Settings],
    warehouse: ResourceParam[Warehouse],
    telemetry: ResourceParam[SourceCatalog],
    notifications: ResourceParam[Notifications],
    clock: ResourceParam[Clock],
) -> SensorResult:
    """Send what is new and due."""
    now = clock()
    cursor = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor(since=now - FIRST_LOOK_BACK)
    since = max(cursor.since, now - LOOK_BACK)
    found: Sequence[Alert] = [
        *failed_runs(context.instance, since),
        *failed_drift_and_blocking_checks(context.instance, since),
        *retrainings(context.instance, warehouse, settings, since),
        *stale_clusters(telemetry, warehouse, settings.alerts.stale_after, now),
        *critical_recommendations(warehouse, since),
    ]
    verdict = decide(found, cursor.state, settings.alerts, now)
    for message in verdict.messages:
        _log(context, message)
    delivery = notifications.deliver(verdict.messages)
    for trouble in delivery.troubles:
        context.log.error(trouble)
    state = remember(cursor.state, delivery.sent, verdict.quiet, settings.alerts, now)
    return SensorResult(
        skip_reason=SkipReason(_summary(delivery.sent, len(verdict.messages), verdict.held, delivery.troubles)),
        cursor=Cursor(since=cursor.since, state=state).model_dump_json(),
    )


def _log(context: SensorEvaluationContext, message: Message) -> None:
    log = {"error": context.log.error, "warning": context.log.warning, "info": context.log.info}[message.severity]
    log(mail_body(message))


def _summary(sent: Sequence[Message], due: int, held: int, troubles: Sequence[str]) -> str:
    """Say in the tick what was told, what waits, and why."""
    parts = [f"told: {'; '.join(message.title for message in sent)}" if sent else "nothing new to tell"]
    if due > len(sent):
        parts = [*parts[: bool(sent)], f"{due - len(sent)} message(s) could not be sent and are tried again"]
    if held:
        parts.append(f"{held} wait: this hour's messages were sent")
    return " | ".join([*parts, *troubles])
