"""Sources are remembered in the warehouse: every process opens the same one, and no secret is stored with it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import polars as pl
import psycopg
import pytest
from polars.testing import assert_frame_equal

from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.simulator.settings import SimulatorSettings
from cloud_optimizer.resources.telemetry.catalog import SourceAccess, SourceCatalog
from cloud_optimizer.resources.telemetry.simulator import SimulatorSource

TOKEN = "open-sesame"
START = datetime(2026, 3, 2, tzinfo=UTC)
FLEET = SimulatorSettings(clusters=("web", "batch"), workloads_per_cluster=2, start=START.date(), days=3)
ADDRESS = "postgresql://reader:secret@db/metrics"


@pytest.fixture
def access(tmp_path: Path) -> SourceAccess:
    return SourceAccess(tmp_path / "spool", prometheus_token=TOKEN)


@pytest.fixture
def catalog(warehouse_url: str, access: SourceAccess) -> SourceCatalog:
    return SourceCatalog(warehouse_url, access)


def stored(url: str) -> str:
    with psycopg.connect(url) as connection:
        return str(connection.execute("SELECT json_agg(s)::text FROM telemetry_sources AS s").fetchone())


def trace(folder: Path, cores: float = 1.0, name: str = "usage.csv") -> Path:
    """Write two hours of one workload at ten minutes."""
    times = [START + timedelta(minutes=10 * n) for n in range(12)]
    rows = {"timestamp": times, "workload_id": "vm", "cpu_usage_cores": cores, "cpu_capacity_cores": 4.0}
    path = folder / name
    pl.DataFrame(rows).write_csv(path)
    return path


def test_simulated_clusters_are_opened_again_by_another_process(
    catalog: SourceCatalog, warehouse_url: str, access: SourceAccess
) -> None:
    source = SimulatorSource(FLEET)
    catalog.register(source, FLEET.model_dump(mode="json"))
    other = SourceCatalog(warehouse_url, access)
    assert [entry.cluster for entry in other.entries()] == ["batch", "web"]
    entry = other.entry("web")
    assert (entry.kind, entry.first_sample, entry.end_sample) == ("simulator", START, START + 3 * DAY)
    assert entry.cadence.step == timedelta(minutes=5)
    assert_frame_equal(other.read("web", START, START + DAY), source.read("web", START, START + DAY))


def test_a_trace_keeps_its_cadence_and_reads_what_the_file_holds(catalog: SourceCatalog, tmp_path: Path) -> None:
    options = {"path": str(trace(tmp_path)), "cluster": "mine"}
    (entry,) = catalog.register(catalog.open("trace", options), options)
    assert catalog.entry("mine") == entry
    assert (entry.cadence.step, entry.cadence.regular) == (timedelta(minutes=10), True)
    samples = catalog.read("mine", START, START + DAY)
    assert samples.height == 12
    assert samples["cpu_usage_cores"].unique().to_list() == [1.0]


def test_registering_again_replaces_that_cluster_and_leaves_the_others(catalog: SourceCatalog, tmp_path: Path) -> None:
    for name, cores in (("first.csv", 1.0), ("second.csv", 2.0)):
        for cluster in ("mine", name):
            options = {"path": str(trace(tmp_path, cores, name)), "cluster": cluster}
            catalog.register(catalog.open("trace", options), options)
    assert [entry.cluster for entry in catalog.entries()] == ["first.csv", "mine", "second.csv"]
    assert catalog.read("mine", START, START + DAY)["cpu_usage_cores"].unique().to_list() == [2.0]
    assert catalog.read("first.csv", START, START + DAY)["cpu_usage_cores"].unique().to_list() == [1.0]


class Prometheus(BaseHTTPRequestHandler):
    """Answers a range query by one series that is always 2, to whoever shows the token."""

    def do_POST(self) -> None:
        asked = {k: v[0] for k, v in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
        allowed = self.headers["Authorization"] == f"Bearer {TOKEN}"
        times = range(int(float(asked["start"])), int(float(asked["end"])) + 1, int(asked["step"]))
        series = {"metric": {"namespace": "shop", "workload": "cart"}, "values": [[at, "2"] for at in times]}
        body = {"status": "success", "data": {"resultType": "matrix", "result": [series]}}
        self.send_response(200 if allowed else 401)
        self.end_headers()
        self.wfile.write(json.dumps(body if allowed else {"status": "error", "error": "no token"}).encode())

    def log_message(self, *_: object) -> None:
        """Keep the test output clean."""


@pytest.fixture
def prometheus() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Prometheus) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_prometheus_is_read_with_a_token_that_is_never_stored(
    catalog: SourceCatalog, warehouse_url: str, prometheus: str
) -> None:
    options = {
        "url": prometheus,
        "cluster": "shop",
        "start": "2026-03-02",
        "end": "2026-03-03",
        "slice_hours": 24,
        "default_queries": False,
        "queries": {"cpu_usage_cores": "cpu"},
    }
    (entry,) = catalog.register(catalog.open("prometheus", options), options)
    assert catalog.entry("shop").options == options
    assert (entry.first_sample.date(), entry.end_sample.date()) == (date(2026, 3, 2), date(2026, 3, 3))
    samples = catalog.read("shop", START, START + DAY)
    assert (samples.height, samples["cpu_usage_cores"].unique().to_list()) == (288, [2.0])
    assert TOKEN not in stored(warehouse_url)


def test_a_postgres_source_needs_an_address_which_is_a_secret(catalog: SourceCatalog) -> None:
    with pytest.raises(InputError, match="needs CLOUD_OPTIMIZER_SOURCE_DATABASE_URL: the address is a secret"):
        catalog.open("postgres", {"query": "SELECT 1"})


def test_access_does_not_show_its_secrets(access: SourceAccess) -> None:
    text = repr(replace(access, database_url=ADDRESS))
    assert "spool" in text
    assert "secret" not in text
    assert TOKEN not in text


def test_an_address_with_a_password_is_refused_without_repeating_it(catalog: SourceCatalog, warehouse_url: str) -> None:
    options = {"url": "http://me:hunter2@prometheus:9090", "start": "2026-03-02"}
    with pytest.raises(InputError, match="holds a password") as caught:
        catalog.open("prometheus", options)
    assert "hunter2" not in str(caught.value)
    assert stored(warehouse_url) == "(None,)"


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("statsd", {}, "telemetry source statsd is not known: use simulator, trace, prometheus or postgres"),
        ("trace", {}, "trace source cannot use path: Field required"),
        ("trace", {"path": "x.csv", "clutser": "a"}, "trace source cannot use clutser"),
        ("trace", {"path": "/nowhere/x.csv"}, "/nowhere/x.csv"),
        ("simulator", {"days": 0}, "simulator source cannot use days"),
        ("prometheus", {"url": "http://p", "start": "2026-03-02", "token": "x"}, "prometheus source cannot use token"),
        ("postgres", {"query": "SELECT 1", "database_url": "x"}, "postgres source cannot use database_url"),
    ],
)
def test_options_that_cannot_be_used_are_named_in_one_sentence(
    catalog: SourceCatalog, kind: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError) as caught:
        catalog.open(kind, options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_cluster_without_a_source_is_named_with_the_way_out(catalog: SourceCatalog) -> None:
    assert catalog.entries() == ()
    with pytest.raises(InputError, match="for cluster nobody: add it with `cloud-optimizer ingest`"):
        catalog.read("nobody", START, START + DAY)
