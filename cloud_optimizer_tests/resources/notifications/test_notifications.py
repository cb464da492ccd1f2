"""Alerts arrive on a real mail server and a real webhook; one that fails holds nothing up and leaks no secret."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from cloud_optimizer.core.alerts.alert import Message
from cloud_optimizer.core.alerts.formats import slack_payload
from cloud_optimizer.core.alerts.settings import NotificationSettings
from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.resources.notifications import Notifications, channels_of
from cloud_optimizer.resources.notifications.mail import MailChannel
from cloud_optimizer.resources.notifications.webhook import WebhookChannel
from cloud_optimizer_tests.resources.notifications.servers import SmtpServer, WebhookServer, serving

DRIFT = Message("warning", "Drift in web: data_drift", "cpu moved (web|2026-03-01).\n.\n..dots Überlast")
FAILED = Message("error", "Run failed: retraining", "boom", "http://ui/runs/1")


@pytest.fixture
def mail() -> Iterator[SmtpServer]:
    server = SmtpServer()
    with serving(server):
        yield server


@pytest.fixture
def hook() -> Iterator[WebhookServer]:
    server = WebhookServer()
    with serving(server):
        yield server


def mail_settings(port: int, **given: object) -> NotificationSettings:
    defaults: dict[str, object] = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_security": "none",
        "sender": "cloud-optimizer@example.org",
        "recipients": ("sre@example.org", "finops@example.org"),
    }
    return NotificationSettings.model_validate({**defaults, **given})


def unused_port() -> int:
    server = SmtpServer()
    server.server_close()
    return server.port


def test_a_mail_arrives_whole_at_every_recipient(mail: SmtpServer) -> None:
    MailChannel(mail_settings(mail.port)).send(DRIFT)
    (arrived,) = mail.mails
    assert mail.recipients == ["sre@example.org", "finops@example.org"]
    assert arrived["Subject"] == "[cloud_optimizer] warning: Drift in web: data_drift"
    assert arrived["From"] == "cloud-optimizer@example.org"
    assert arrived.get_content().splitlines() == [DRIFT.title, "", *DRIFT.text.splitlines()]


def test_a_server_without_starttls_gets_no_mail_and_no_password(mail: SmtpServer) -> None:
    settings = mail_settings(mail.port, smtp_security="starttls", smtp_user="me", smtp_password=SecretStr("hunter2"))
    with pytest.raises(CloudOptimizerError, match=f"mail server at 127.0.0.1:{mail.port}.*STARTTLS") as caught:
        MailChannel(settings).send(DRIFT)
    assert "hunter2" not in str(caught.value)
    assert mail.mails == []


def test_a_mail_server_that_is_away_is_named() -> None:
    port = unused_port()
    with pytest.raises(CloudOptimizerError, match=f"mail server at 127.0.0.1:{port} did not take an alert.*refused"):
        MailChannel(mail_settings(port)).send(DRIFT)


def test_one_unknown_recipient_does_not_keep_the_mail_from_the_others(mail: SmtpServer) -> None:
    mail.refuses = "finops"
    MailChannel(mail_settings(mail.port)).send(DRIFT)
    assert mail.recipients == ["sre@example.org"]
    assert len(mail.mails) == 1


def test_a_webhook_gets_slack_json(hook: WebhookServer) -> None:
    WebhookChannel(hook.url).send(FAILED)
    assert hook.payloads == [slack_payload(FAILED)]


def test_a_webhook_that_is_busy_is_tried_again_after_waiting(hook: WebhookServer) -> None:
    hook.answers = [503, 429]
    waited: list[float] = []
    WebhookChannel(hook.url, delays=(0.5, 2.0), sleep=waited.append).send(FAILED)
    assert waited == [0.5, 2.0]
    assert len(hook.payloads) == 1


def test_a_webhook_that_refuses_is_not_tried_again_and_its_address_stays_secret(hook: WebhookServer) -> None:
    hook.answers = [403]
    with pytest.raises(CloudOptimizerError, match=r"webhook at 127.0.0.1 did not take an alert: status 403") as caught:
        WebhookChannel(hook.url, sleep=lambda _: None).send(FAILED)
    assert hook.requests == 1
    assert "secret-token" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://host/x", "http://[broken", "nonsense"])
def test_an_address_that_is_none_is_an_error_in_words(url: str) -> None:
    with pytest.raises(CloudOptimizerError, match="did not take an alert"):
        WebhookChannel(url, sleep=lambda _: None).send(FAILED)


def test_the_settings_name_the_channels() -> None:
    assert channels_of(NotificationSettings()) == ()
    both = channels_of(mail_settings(25, webhook_url=SecretStr("http://x")))
    assert [type(channel) for channel in both] == [WebhookChannel, MailChannel]


def test_a_channel_that_fails_is_left_out_and_the_others_get_everything(hook: WebhookServer) -> None:
    channels = [MailChannel(mail_settings(unused_port())), WebhookChannel(hook.url)]
    delivery = Notifications(channels).deliver([DRIFT, FAILED])
    assert delivery.sent == (DRIFT, FAILED)
    assert len(delivery.troubles) == 1
    assert len(hook.payloads) == 2


def test_what_no_channel_took_was_not_sent(hook: WebhookServer) -> None:
    hook.answers = [200, 403]
    delivery = Notifications([WebhookChannel(hook.url)]).deliver([DRIFT, FAILED, DRIFT])
    assert delivery.sent == (DRIFT,)
    assert hook.requests == 2


def test_without_channels_everything_counts_as_sent() -> None:
    assert Notifications([]).deliver([DRIFT]).sent == (DRIFT,)
