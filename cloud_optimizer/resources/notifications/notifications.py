"""All channels behind one `deliver`: a channel that fails neither loses a message nor holds the others up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cloud_optimizer.core.alerts.alert import Message
from cloud_optimizer.core.alerts.settings import NotificationSettings
from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.resources.notifications.mail import MailChannel
from cloud_optimizer.resources.notifications.webhook import WebhookChannel


class Channel(Protocol):
    """One way to people."""

    def send(self, message: Message) -> None:
        """Hand a message over.

        Raises:
            CloudOptimizerError: It was not accepted; the error names the server, never a secret.
        """


@dataclass(frozen=True)
class Delivery:
    """What became of some messages.

    Args:
        sent: Messages that at least one channel accepted, in order; all of them where there is no channel.
        troubles: What the channels that failed said.
    """

    sent: tuple[Message, ...]
    troubles: tuple[str, ...]


class Notifications:
    """Sends messages over every channel."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = tuple(channels)

    def deliver(self, messages: Sequence[Message]) -> Delivery:
        """Send messages in order; a channel that fails is left out for the rest of them.

        At the first message that no channel takes this ends: that one and the rest were not sent.
        """
        working, sent, troubles = list(self._channels), list[Message](), list[str]()
        for message in messages:
            for channel in tuple(working):
                try:
                    channel.send(message)
                except CloudOptimizerError as error:
                    troubles.append(str(error))
                    working.remove(channel)
            if self._channels and not working:
                break
            sent.append(message)
        return Delivery(tuple(sent), tuple(troubles))


def channels_of(settings: NotificationSettings) -> tuple[Channel, ...]:
    """Return the channels that the settings name."""
    channels: list[Channel] = []
    if settings.webhook_url is not None:
        channels.append(WebhookChannel(settings.webhook_url.get_secret_value()))
    if settings.smtp_host is not None:
        channels.append(MailChannel(settings))
    return tuple(channels)
