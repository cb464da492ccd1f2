"""What can be worth telling, and the words for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from string import Template
from typing import Final, Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")


@dataclass(frozen=True)
class Words:
    """How a kind of alert reads; `$names` are filled from its facts."""

    severity: Severity
    title: Template
    text: Template


def _words(severity: Severity, title: str, text: str) -> Words:
    return Words(severity, Template(title), Template(text))


KINDS: Final[Mapping[str, Words]] = {
    "run_failed": _words("error", "Run failed: $job, $partition", "$error"),
    "blocking_check_failed": _words(
        "error",
        "Check $check stopped $cluster",
        "$description. Nothing after it was computed for $partition; the last good results stay.",
    ),
    "stale_data": _words(
        "error",
        "No new telemetry of $cluster",
        "The newest complete day of $cluster is $newest. Recommendations are as of that day until telemetry arrives.",
    ),
    "critical_risk": _words(
        "error",
        "$count recommendation(s) of critical risk in $cluster",
        "As of $date these workloads are likely to run short even at the recommended size: $workloads.",
    ),
    "retraining_given_up": _words(
        "error",
        "Retraining of $cluster keeps failing",
        "The last $failures retrainings failed. Mend the cause and launch the job retraining by hand; until then the "
        "champion stays as it is.",
    ),
    "drift": _words("warning", "Drift in $cluster: $check", "$description ($partition)."),
    "retraining_finished": _words("info", "Retraining of $cluster: $outcome", "As of $date. $reason"),
}


@dataclass(frozen=True)
class Alert:
    """Something found that is worth telling.

    Args:
        kind: One of `KINDS`.
        subject: What it is about; the same kind and subject is told once in a quiet time.
        facts: Fill the words of the kind.
        at: When it happened, UTC.
        event: Identity of what happened, never told twice; None for a state that lasts.
        run_id: Run to link to.
    """

    kind: str
    subject: str
    facts: Mapping[str, str]
    at: datetime
    event: str | None = None
    run_id: str | None = None

    @property
    def identity(self) -> str:
        """What makes two alerts the same."""
        return f"{self.kind}:{self.subject}"

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return KINDS[self.kind].severity

    @property
    def title(self) -> str:
        """One line."""
        return KINDS[self.kind].title.substitute(self.facts)


@dataclass(frozen=True)
class Message:
    """What is sent: plain text, formatted by each channel in its own way."""

    severity: Severity
    title: str
    text: str
    link: str | None = None
    alerts: Sequence[Alert] = field(default=(), repr=False)


DIGEST_LINES: Final = 20


def message(alerts: Sequence[Alert], repeats: int, ui_url: str | None) -> Message:
    """Word the newest (last) of alerts with one identity; `repeats` more happened in the quiet time before."""
    newest, more = alerts[-1], repeats + len(alerts) - 1
    again = f" It happened {more} more time(s) since it was last told." if more else ""
    link = f"{ui_url.rstrip('/')}/runs/{newest.run_id}" if ui_url and newest.run_id else None
    text = KINDS[newest.kind].text.substitute(newest.facts) + again
    return Message(newest.severity, newest.title, text, link, tuple(alerts))


def digest(groups: Sequence[Sequence[Alert]]) -> Message:
    """Word many groups of alerts as one message: the first ones by their titles, the rest by their number."""
    lines = [f"- {group[-1].title}" for group in groups[:DIGEST_LINES]]
    if len(groups) > DIGEST_LINES:
        lines.append(f"- and {len(groups) - DIGEST_LINES} more")
    severity = min((group[-1].severity for group in groups), key=SEVERITIES.index)
    every = tuple(alert for group in groups for alert in group)
    return Message(severity, f"{len(groups)} more alerts", "\n".join(lines), None, every)
