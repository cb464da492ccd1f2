"""Words of alerts, as Slack's JSON and as mail: nothing in a name becomes markup, a mention or a header."""

import json
from datetime import UTC, datetime
from string import Template

import pytest
from pydantic import SecretStr, ValidationError

from cloud_optimizer.core.alerts.alert import KINDS, Alert, Message, digest, message
from cloud_optimizer.core.alerts.formats import mail_body, mail_subject, slack_payload
from cloud_optimizer.core.alerts.settings import NotificationSettings

AT = datetime(2026, 3, 2, tzinfo=UTC)


def names(template: Template) -> list[str]:
    return template.get_identifiers()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_worded_and_leaves_no_place_open(kind: str) -> None:
    words = KINDS[kind]
    facts = {name: f"<{name}>" for name in [*names(words.title), *names(words.text)]}
    worded = message([Alert(kind, "x", facts, AT)], 0, None)
    assert "$" not in worded.title + worded.text
    assert all(value in worded.title + worded.text for value in facts.values())


def test_a_message_links_to_its_run() -> None:
    facts = {"job": "retraining", "partition": "web|2026-03-01", "error": "boom"}
    worded = message([Alert("run_failed", "x", facts, AT, "1", "abc")], 0, "http://dagster:3000/")
    assert worded.link == "http://dagster:3000/runs/abc"
    assert slack_payload(worded)["blocks"][1]["text"]["text"] == "boom\n<http://dagster:3000/runs/abc|Open the run>"
    assert mail_body(worded) == "Run failed: retraining, web|2026-03-01\n\nboom\n\nhttp://dagster:3000/runs/abc\n"


def test_slack_markup_in_a_name_is_text() -> None:
    payload = slack_payload(Message("error", "a & b", "<!channel> is at 5 > 4"))
    assert payload["blocks"][1]["text"]["text"] == "&lt;!channel&gt; is at 5 &gt; 4"
    assert payload["text"] == "🔴 a &amp; b\n&lt;!channel&gt; is at 5 &gt; 4"


def test_long_texts_fit_the_limits_of_slack() -> None:
    payload = slack_payload(Message("info", "t" * 500, "x" * 9000, "http://ui/runs/1"))
    assert len(payload["blocks"][0]["text"]["text"]) == 150
    section = payload["blocks"][1]["text"]["text"]
    assert len(section) == 3000
    assert section.endswith("<http://ui/runs/1|Open the run>")
    json.dumps(payload)


def test_a_name_cannot_add_a_header_to_a_mail() -> None:
    subject = mail_subject(Message("error", "Run failed\r\nBcc: everybody@example.org", "x"))
    assert subject == "[cloud_optimizer] error: Run failed Bcc: everybody@example.org"


def test_a_digest_names_twenty_and_counts_the_rest() -> None:
    groups = [[Alert("stale_data", str(n), {"cluster": f"c{n}", "newest": "never"}, AT)] for n in range(23)]
    text = digest(groups).text.splitlines()
    assert len(text) == 21
    assert text[0] == "- No new telemetry of c0"
    assert text[-1] == "- and 3 more"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"smtp_host": "mail"}, "needs smtp_host, sender and recipients"),
        ({"smtp_security": "none", "smtp_password": SecretStr("x")}, "does not travel over an unprotected"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        NotificationSettings.model_validate(given)
