"""Messages as Slack's JSON to an incoming webhook; Mattermost, Rocket.Chat and others take the same."""

import time
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

import httpx

from cloud_optimizer.core.alerts.alert import Message
from cloud_optimizer.core.alerts.formats import slack_payload
from cloud_optimizer.core.errors import CloudOptimizerError

TIMEOUT_SECONDS: Final = 5.0
TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class WebhookChannel:
    """One webhook. Its address is a secret: errors name the host alone.

    Args:
        url: Address.
        delays: Seconds before each further try, where a try can help.
        sleep: How to wait.
    """

    def __init__(
        self, url: str, delays: Sequence[float] = (0.5, 2.0), sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._url, self._delays, self._sleep = url, tuple(delays), sleep

    def send(self, message: Message) -> None:
        """Post a message.

        Raises:
            CloudOptimizerError: The server stayed away or refused it.
        """
        trouble, final = self._post(message)
        for delay in self._delays:
            if trouble is None or final:
                break
            self._sleep(delay)
            trouble, final = self._post(message)
        if trouble is not None:
            raise CloudOptimizerError(
                f"The webhook at {_host(self._url)} did not take an alert: {trouble}. Check its address."
            )

    def _post(self, message: Message) -> tuple[str | None, bool]:
        """Return what went wrong, if anything, and whether trying again is useless."""
        try:
            response = httpx.post(self._url, json=slack_payload(message), timeout=TIMEOUT_SECONDS)
        except httpx.InvalidURL:
            return "the address is no URL", True
        except httpx.HTTPError as error:
            return f"{type(error).__name__}", isinstance(error, httpx.UnsupportedProtocol)
        if response.is_success:
            return None, True
        return f"status {response.status_code}", response.status_code not in TRANSIENT


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "an address without a host"
    except ValueError:
        return "an address that is no URL"
