"""The HTTP interface of Prometheus: requests that are tried again where that can help, and errors in words."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from cloud_optimizer.core.errors import CloudOptimizerError, InputError
from cloud_optimizer.core.telemetry.prometheus import PrometheusSettings, wait_seconds

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Status codes after which the same request may succeed later."""


class PrometheusApi:
    """Asks one Prometheus server; safe to use from several threads.

    Args:
        settings: Address, patience.
        client: Connections, with credentials where the server asks for them.
        sleep: Waits a number of seconds.
    """

    def __init__(self, settings: PrometheusSettings, client: httpx.Client, sleep: Callable[[float], None]) -> None:
        self._settings = settings
        self._client = client
        self._sleep = sleep
        self.address = public_address(settings.url)

    def query_range(self, query: str, start: float, end: float, step: int, what: str) -> Mapping[str, Any]:
        """Return the answer to a query at every step of [start, end], seconds since 1970, both inclusive.

        Args:
            query: PromQL.
            start: First time.
            end: Last time.
            step: Seconds between two times.
            what: What is asked for, for messages.

        Raises:
            InputError: Prometheus refuses the query or the credentials.
            CloudOptimizerError: Prometheus did not answer within the allowed tries.
        """
        # partial_response is of Thanos: half an answer is an error, not a shorter one.
        asked = {"query": query, "start": start, "end": end, "step": step, "partial_response": "false"}
        return _object(self._ask("POST", "/api/v1/query_range", asked, what))

    def query(self, query: str, time: float, what: str) -> Mapping[str, Any]:
        """Return the answer to a query at one time; see query_range."""
        asked = {"query": query, "time": time, "partial_response": "false"}
        return _object(self._ask("POST", "/api/v1/query", asked, what))

    def label_values(self, label: str, start: float, end: float) -> tuple[str, ...]:
        """Return the values of a label between two times, sorted; see query_range."""
        path = f"/api/v1/label/{quote(label, safe='')}/values"
        return tuple(
            sorted(str(value) for value in self._ask("GET", path, {"start": start, "end": end}, f"the label {label}"))
        )

    def _ask(self, method: str, path: str, asked: Mapping[str, Any], what: str) -> Any:
        cause = ""
        for attempt in range(self._settings.attempts):
            retry_after = None
            try:
                response = self._send(method, path, asked)
                if response.status_code not in TRANSIENT:
                    return self._data(response, what)
                cause, retry_after = f"status {response.status_code}", _retry_after(response)
            except httpx.TransportError as error:
                cause = str(error) or type(error).__name__
            if attempt + 1 < self._settings.attempts:
                self._sleep(wait_seconds(attempt, self._settings, retry_after))
        raise CloudOptimizerError(
            f"Prometheus at {self.address} did not answer in {self._settings.attempts} tries ({cause}): "
            "run the same command again when it is up, what was read is kept."
        )

    def _send(self, method: str, path: str, asked: Mapping[str, Any]) -> httpx.Response:
        url = self._settings.url.rstrip("/") + path
        timeout = self._settings.timeout_seconds
        if method == "GET":
            return self._client.get(url, params=dict(asked), timeout=timeout)
        return self._client.post(url, data=dict(asked), timeout=timeout)

    def _data(self, response: httpx.Response, what: str) -> Any:
        if response.status_code in {401, 403}:
            raise InputError(f"Prometheus at {self.address} refuses the credentials (status {response.status_code}).")
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict) or "status" not in body:
            raise InputError(
                f"{self.address} does not answer like Prometheus (status {response.status_code}): check the address."
            )
        if body["status"] != "success":
            raise InputError(f"Prometheus at {self.address} refuses the query of {what}: {body.get('error')}.")
        return body["data"]


def public_address(url: str) -> str:
    """Return an address without the user and password it may contain."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _object(data: object) -> Mapping[str, Any]:
    return data if isinstance(data, Mapping) else {}


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return float(response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None
