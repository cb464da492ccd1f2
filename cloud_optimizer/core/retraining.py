"""Whether a cluster's models are trained again: causes, and a pure decision on them with its reasons.

Failed checks (drift, performance) become causes where their history is read; a missing model, age and data volume are
found here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from pydantic import BaseModel, ConfigDict, Field


class RetrainingSettings(BaseModel):
    """How often a cluster may be retrained, and when we stop trying."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cool_down: timedelta = Field(
        default=timedelta(hours=12), ge=timedelta(0), description="Least time between two retrainings of a cluster."
    )
    maximum_failures: int = Field(
        default=3, ge=1, le=20, description="Failed retrainings in a row after which only a person starts the next one."
    )
    maximum_age: timedelta = Field(
        default=timedelta(days=14), ge=timedelta(days=1), description="Models older than this are trained again."
    )
    new_data_share: float = Field(
        default=0.5, gt=0.0, le=100.0, description="New samples, of those trained on, that ask for a training."
    )
    first_training_days: int = Field(
        default=21, ge=8, le=400, description="Days of telemetry after which a cluster without models is trained."
    )


@dataclass(frozen=True)
class Cause:
    """Something that asks for a retraining.

    Args:
        identity: Tells causes apart for ever; a request for it is made at most once.
        at: When it was found, UTC.
        partition: Partition whose data show it; models are trained as of that day.
        words: What was found, for people.
    """

    identity: str
    at: datetime
    partition: str
    words: str


@dataclass(frozen=True)
class RetrainingState:
    """What is known about the retrainings of a cluster.

    Args:
        in_flight: One is queued or running.
        last_requested: When the latest one was requested; None for never.
        failures: How many failed in a row, the latest included.
    """

    in_flight: bool = False
    last_requested: datetime | None = None
    failures: int = 0


@dataclass(frozen=True)
class RetrainingVerdict:
    """The decision for one cluster.

    Args:
        retrain: Request a retraining now.
        cause: The cause it answers; the newest one.
        settled: Identities of causes that need no further look: answered now or by a later retraining.
        reasons: In words.
    """

    retrain: bool
    cause: Cause | None
    settled: frozenset[str]
    reasons: tuple[str, ...]


def first_cause(
    cluster: str, known_days: int, today: date, partition: str, settings: RetrainingSettings
) -> Cause | None:
    """Return a cause when a cluster that was never trained has enough history; a new one each day, as for age.

    Args:
        cluster: Cluster name.
        known_days: Days of accepted telemetry.
        today: The latest complete day.
        partition: Key of the cluster's partition of that day; models are trained as of it.
        settings: Bounds.
    """
    if known_days < settings.first_training_days:
        return None
    words = f"{cluster} has {known_days} days of telemetry and no model yet"
    return Cause(f"first:{cluster}:{today}", _end_of(today), partition, words)


def age_cause(
    cluster: str, trained_until: date, today: date, partition: str, settings: RetrainingSettings
) -> Cause | None:
    """Return a cause when the latest training is too old; a new one each day until a training answers it.

    Args:
        cluster: Cluster name.
        trained_until: Last day that the latest training learned from, whether it promoted anything or not.
        today: The latest complete day.
        partition: Key of the cluster's partition of that day; models are trained as of it.
        settings: Bounds.
    """
    age = today - trained_until
    if age <= settings.maximum_age:
        return None
    words = f"the models of {cluster} learned until {trained_until}, {age.days} days ago"
    return Cause(f"age:{cluster}:{trained_until}:{today}", _end_of(today), partition, words)


def volume_cause(
    cluster: str,
    today: date,
    partition: str,
    new_samples: int,
    trained_samples: int,
    settings: RetrainingSettings,
) -> Cause | None:
    """Return a cause when much more is known than at the latest training: 600 new samples beside 1,000, say.

    Args:
        cluster: Cluster name.
        today: The latest complete day.
        partition: Key of the cluster's partition of that day; models are trained as of it.
        new_samples: Accepted samples since the latest training, late ones for earlier days included.
        trained_samples: Accepted samples that the training learned from.
        settings: Bounds.
    """
    if new_samples <= 0 or new_samples < settings.new_data_share * trained_samples:
        return None
    words = f"{new_samples:,} new samples since the models of {cluster} learned from {trained_samples:,}"
    return Cause(f"volume:{cluster}:{today}", _end_of(today), partition, words)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def retraining_decision(
    causes: Sequence[Cause], state: RetrainingState, settings: RetrainingSettings, now: datetime
) -> RetrainingVerdict:
    """Decide on the open causes of one cluster.

    A cause that is older than the latest request is settled by it. Causes that arrive during a retraining or its
    cool-down wait: if drift persists they lead to the next one, one for all of them.

    Args:
        causes: Found and not settled yet.
        state: Retrainings of the cluster so far.
        settings: Bounds.
        now: UTC.
    """
    answered = [cause for cause in causes if state.last_requested is not None and cause.at <= state.last_requested]
    settled = frozenset(cause.identity for cause in answered)
    waiting = sorted((cause for cause in causes if cause.identity not in settled), key=lambda cause: cause.at)
    if not waiting:
        return RetrainingVerdict(False, None, settled, ("nothing asks for a retraining",))
    newest = waiting[-1]
    if state.in_flight:
        return RetrainingVerdict(False, newest, settled, ("a retraining is in flight",))
    if state.failures >= settings.maximum_failures:
        words = f"the last {state.failures} retrainings failed: mend the cause and launch the job retraining by hand"
        return RetrainingVerdict(False, newest, settled, (words,))
    if state.last_requested is not None and now - state.last_requested < settings.cool_down:
        free = state.last_requested + settings.cool_down
        return RetrainingVerdict(False, newest, settled, (f"cooling down until {free:%Y-%m-%d %H:%M} UTC",))
    every = frozenset(cause.identity for cause in causes)
    return RetrainingVerdict(True, newest, every, tuple(cause.words for cause in waiting))
