"""A message as Slack's JSON and as a mail: subject and body."""

from typing import Any, Final

from cloud_optimizer.core.alerts.alert import Message

HEADER_LIMIT: Final = 150  # characters of a Slack header
SECTION_LIMIT: Final = 3000  # characters of a Slack section
SUBJECT_LIMIT: Final = 200
MARKS: Final = {"error": "🔴", "warning": "🟠", "info": "🔵"}


def slack_payload(message: Message) -> dict[str, Any]:
    """Return the body for an incoming webhook; `text` is what notifications and plain receivers show."""
    title = _shortened(f"{MARKS[message.severity]} {_one_line(message.title)}", HEADER_LIMIT)
    link = f"\n<{message.link}|Open the run>" if message.link else ""
    text = _shortened(_escaped(message.text), SECTION_LIMIT - len(link)) + link
    return {
        "text": f"{_escaped(title)}\n{text}",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": title}},
            {"type": "section", "text": {"type": "mrkdwn", "text": text}},
        ],
    }


def mail_subject(message: Message) -> str:
    """Return one line: a name in it cannot add a header."""
    return _shortened(f"[cloud_optimizer] {message.severity}: {_one_line(message.title)}", SUBJECT_LIMIT)


def mail_body(message: Message) -> str:
    """Return plain text."""
    return "\n\n".join(part for part in (message.title, message.text, message.link) if part) + "\n"


def _escaped(text: str) -> str:
    """Slack reads these three characters as markup, `<!channel>` included."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
