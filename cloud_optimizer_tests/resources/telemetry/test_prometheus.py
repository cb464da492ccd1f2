"""How the Prometheus source behaves when the server is slow, broken or gone; the server is a stand-in."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from polars.testing import assert_frame_equal

from cloud_optimizer.core.contracts import DAY, HOUR
from cloud_optimizer.core.errors import CloudOptimizerError, InputError
from cloud_optimizer.core.telemetry.prometheus import PrometheusSettings
from cloud_optimizer.resources.telemetry.prometheus import PrometheusSource

START = datetime(2026, 1, 30, tzinfo=UTC)
NOW = START + 10 * DAY


def answer(request: httpx.Request) -> httpx.Response:
    """One workload whose every measure counts the hours since 1970."""
    asked = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
    times = range(int(float(asked["start"])), int(float(asked["end"])) + 1, int(asked["step"]))
    series = {"metric": {"namespace": "n", "workload": "w"}, "values": [[at, str(at / 3600)] for at in times]}
    return httpx.Response(200, json={"status": "success", "data": {"resultType": "matrix", "result": [series]}})


class Server:
    """Answers like `answer`, but for the requests (counted from 0) that `broken` answers otherwise."""

    def __init__(self, broken: Callable[[int], httpx.Response | Exception | None] = lambda _: None) -> None:
        self.broken = broken
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []
        self.under_way = self.most_under_way = 0
        self._lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            number = len(self.requests)
            self.requests.append(request)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            instead = self.broken(number)
            if isinstance(instead, Exception):
                raise instead
            return instead or answer(request)
        finally:
            with self._lock:
                self.under_way -= 1

    def source(self, spool: Path | None = None, now: datetime = NOW, **options: Any) -> PrometheusSource:
        chosen = {"queries": {"cpu_usage_cores": "cpu"}, "default_queries": False, "concurrency": 1, **options}
        return PrometheusSource(
            PrometheusSettings(url="http://user:secret@p:9090/", start=START.date(), **chosen),
            spool=spool,
            connect=lambda: httpx.Client(transport=httpx.MockTransport(self)),
            sleep=self.waits.append,
            now=lambda: now,
        )


def test_the_default_extent_ends_at_the_last_midnight() -> None:
    assert Server().source(now=NOW + HOUR).extent("prometheus") == (START, NOW)
    assert Server().source(end=date(2026, 2, 1)).extent("prometheus")[1] == datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again_after_a_growing_wait(status: int) -> None:
    server = Server(lambda number: httpx.Response(status) if number < 3 else None)
    samples = server.source().read("prometheus", START, START + 6 * HOUR)
    assert (samples.height, len(server.requests)) == (72, 4)
    assert server.waits == [0.5, 1.0, 2.0]


def test_the_wait_the_server_asks_for_is_kept() -> None:
    server = Server(lambda number: httpx.Response(429, headers={"Retry-After": "7"}) if number == 0 else None)
    server.source().read("prometheus", START, START + HOUR)
    assert server.waits == [7.0]


def test_a_server_that_stays_away_is_an_error_and_not_an_empty_answer() -> None:
    server = Server(lambda _: httpx.ConnectError("refused"))
    with pytest.raises(CloudOptimizerError) as caught:
        server.source(attempts=3).read("prometheus", START, START + HOUR)
    assert str(caught.value) == (
        "Prometheus at http://p:9090/ did not answer in 3 tries (refused): run the same command again when it is up, "
        "what was read is kept."
    )
    assert server.waits == [0.5, 1.0]


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (httpx.Response(400, json={"status": "error", "error": "parse error"}), "refuses the query of cpu_usage_cores"),
        (httpx.Response(422, json={"status": "error", "error": "too many samples"}), "too many samples"),
        (httpx.Response(401, text="who?"), r"refuses the credentials \(status 401\)"),
        (httpx.Response(404, text="<html>"), r"does not answer like Prometheus \(status 404\)"),
        (httpx.Response(200, text="<html>welcome</html>"), "does not answer like Prometheus"),
        (httpx.Response(200, json=[1]), "does not answer like Prometheus"),
    ],
)
def test_a_lasting_failure_is_not_tried_again_and_hides_the_password(response: httpx.Response, words: str) -> None:
    server = Server(lambda _: response)
    with pytest.raises(InputError, match=words) as caught:
        server.source().read("prometheus", START, START + HOUR)
    assert len(server.requests) == 1
    assert "secret" not in str(caught.value)


def test_a_broken_read_goes_on_where_it_stopped_and_asks_nothing_twice(tmp_path: Path) -> None:
    # A day is four slices of six hours; the third one fails.
    broken = Server(lambda number: httpx.Response(503) if number >= 2 else None)
    with pytest.raises(CloudOptimizerError):
        broken.source(tmp_path, attempts=1).read("prometheus", START, START + DAY)
    rest = Server()
    samples = rest.source(tmp_path).read("prometheus", START, START + DAY)
    assert len(rest.requests) == 2
    assert_frame_equal(samples, Server().source().read("prometheus", START, START + DAY))
    silent = Server(lambda _: httpx.ConnectError("gone"))
    assert_frame_equal(silent.source(tmp_path).read("prometheus", START, START + DAY), samples)
    assert silent.requests == []


def test_a_slice_that_is_not_over_is_asked_for_again(tmp_path: Path) -> None:
    server = Server()
    for moment in (START + 5 * HOUR, START + 6 * HOUR + timedelta(minutes=9), START + 7 * HOUR, START + 8 * HOUR):
        server.source(tmp_path, now=moment).read("prometheus", START, START + 6 * HOUR)
    assert len(server.requests) == 3


def test_other_queries_do_not_meet_the_slices_of_these(tmp_path: Path) -> None:
    server = Server()
    for query in ("cpu", "other", "cpu"):
        server.source(tmp_path, queries={"cpu_usage_cores": query}).read("prometheus", START, START + HOUR)
    assert len(server.requests) == 2


def test_a_damaged_slice_is_fetched_again(tmp_path: Path) -> None:
    server = Server()
    first = server.source(tmp_path).read("prometheus", START, START + HOUR)
    (kept,) = tmp_path.rglob("*.parquet")
    kept.write_bytes(kept.read_bytes()[:100])
    assert_frame_equal(server.source(tmp_path).read("prometheus", START, START + HOUR), first)
    assert len(server.requests) == 2


def test_a_spool_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(CloudOptimizerError, match="The slices cannot be kept in"):
        Server().source(blocked).read("prometheus", START, START + HOUR)


def test_no_more_requests_are_under_way_than_allowed_and_slices_are_bounded() -> None:
    def slowly(_: int) -> None:
        time.sleep(0.005)

    server = Server(slowly)
    measures = ("cpu_usage_cores", "memory_usage_bytes", "replicas", "requests_per_second", "error_ratio")
    source = server.source(queries=dict.fromkeys(measures, "q"), concurrency=2, slice_hours=3)
    source.read("prometheus", START, START + DAY)
    spans = {
        float(asked["end"][0]) - float(asked["start"][0])
        for asked in (parse_qs(request.content.decode()) for request in server.requests)
    }
    assert len(server.requests) == 8 * 5
    assert server.most_under_way == 2
    assert spans == {3 * 3600.0 - 300.0}


def test_a_token_goes_into_the_header_and_nowhere_else() -> None:
    source = PrometheusSource(PrometheusSettings(url="http://p:9090", start=START.date()), token="t0p")
    with source._connect() as client:
        assert client.headers["Authorization"] == "Bearer t0p"
    assert "t0p" not in source.settings.model_dump_json()


def test_another_cluster_is_refused() -> None:
    with pytest.raises(InputError, match="is read as cluster 'prometheus', not 'x'"):
        Server().source().cadence("x")
