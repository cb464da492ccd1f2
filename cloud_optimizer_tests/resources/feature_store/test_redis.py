"""Redis in place of PostgreSQL as the online store: a real server, Feast's own path, the same answers."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import polars as pl
import psycopg
import pytest
from polars.testing import assert_frame_equal

from cloud_optimizer.core.errors import CloudOptimizerError, InputError
from cloud_optimizer.core.features.build import feature_frame
from cloud_optimizer.core.features.views import SERVICES
from cloud_optimizer.resources.feature_store import FeatureStore
from cloud_optimizer.resources.feature_store.redis import redis_store
from cloud_optimizer_tests.core.features.panels import random_panel
from cloud_optimizer_tests.resources.feature_store.conftest import FIRST

INFERENCE, REALTIME = "cloud_optimizer_inference", "cloud_optimizer_realtime"
NOW = FIRST + timedelta(days=2)
PASSWORD = "123"  # only digits: Feast would read a number
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # pandas inside Feast
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """Return the address of a Redis of this module that keeps nothing on disk."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed (Debian package redis-server)")
    import redis

    port = free_port()
    with tempfile.TemporaryDirectory(prefix="co-redis-") as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder, "--requirepass", PASSWORD]
        server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
        try:
            with redis.Redis(port=port, password=PASSWORD) as client:
                deadline = time.monotonic() + 10
                while not _answers(client) and time.monotonic() < deadline:
                    time.sleep(0.02)
            yield f"redis://:{PASSWORD}@127.0.0.1:{port}/1"
        finally:
            server.terminate()
            server.wait(10)


def _answers(client) -> bool:
    import redis

    try:
        return bool(client.ping())
    except redis.exceptions.ConnectionError:
        return False


@pytest.fixture(scope="module")
def cached(postgres_server, redis_url, tmp_path_factory, frames) -> Iterator[FeatureStore]:
    """Return a store with Redis online that holds what the store with PostgreSQL online holds."""
    with psycopg.connect(postgres_server.uri("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE feature_store_redis")
    root = tmp_path_factory.mktemp("features")
    cached = FeatureStore(postgres_server.uri("feature_store_redis"), root, redis_url)
    assert cached.apply()
    for cluster, frame in frames.items():
        assert cached.write_online(cluster, frame) == 4
    yield cached
    cached.close()


def test_every_service_answers_as_from_postgresql(cached, store):
    pairs = [("us", "w0"), ("eu/west", "w0"), ("us", "w3"), ("us", "nobody"), ("asia", "w0"), ("us", "w0")]
    for service in SERVICES:
        assert_frame_equal(cached.online(pairs, service, NOW), store.online(pairs, service, NOW), check_exact=True)


def test_online_values_equal_offline_values_at_the_same_time_for_1000_random_workloads(cached):
    panel = random_panel(1000, 24 * 16, seed=3)
    rows = feature_frame(panel, "large", panel.end - timedelta(hours=1), panel.end)
    cached.write("large", rows)
    assert cached.write_online("large", rows) == 1000
    names = np.random.default_rng(0).permutation([f"w{number}" for number in range(1000)]).tolist()
    online = cached.online([("large", name) for name in names], INFERENCE, NOW)
    entities = pl.DataFrame({"cluster": "large", "workload_id": names, "event_timestamp": panel.end})
    offline = cached.training_set(entities.with_columns(target_timestamp=NOW), SERVICES[INFERENCE])
    assert_frame_equal(online.select(SERVICES[INFERENCE]), offline.select(SERVICES[INFERENCE]), check_exact=True)


def test_an_older_row_never_replaces_a_newer_one_and_a_corrected_one_does(cached, frames):
    first = frames["us"].with_columns(
        pl.lit("corrected").alias("cluster"), pl.lit(1.5, pl.Float32).alias("cpu_capacity_cores")
    )
    older = first.filter(pl.col("timestamp") < FIRST + timedelta(days=1)).with_columns(
        cpu_capacity_cores=9, cluster_cpu_capacity_cores_sum=9
    )
    cached.write_online("corrected", first)
    before = cached.online([("corrected", "w0")], INFERENCE, NOW)
    cached.write_online("corrected", older)
    assert_frame_equal(cached.online([("corrected", "w0")], INFERENCE, NOW), before)
    cached.write_online("corrected", first.with_columns(pl.lit(None, pl.Float32).alias("cpu_capacity_cores")))
    assert cached.online([("corrected", "w0")], REALTIME)["cpu_capacity_cores"].to_list() == [None]


def test_nobody_is_asked_for_or_written(cached, frames):
    assert cached.online([], INFERENCE, NOW).shape == (0, 3 + len(SERVICES[INFERENCE]))
    assert cached.write_online("us", frames["us"].clear()) == 0


def test_a_missing_target_time_is_said_in_one_sentence(cached):
    with pytest.raises(InputError, match="without a target time"):
        cached.online([("us", "w0")], INFERENCE)


@pytest.fixture
def no_waiting(monkeypatch) -> None:
    """Let the client try again at once: it waits a second and more between its tries."""
    monkeypatch.setattr("redis.retry.sleep", lambda _: None)


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize(("password", "said"), [("wrong", "cannot be used"), ("", "Authentication required")])
def test_a_refusal_names_the_server_and_no_password(cached, redis_url, tmp_path, password, said):
    url = redis_url.replace(f":{PASSWORD}@", f":{password}@" if password else "")
    refused = FeatureStore(cached.catalogue.url, tmp_path, url)
    with pytest.raises(CloudOptimizerError, match=said) as error:
        refused.online([("us", "w0")], REALTIME)
    refused.close()
    assert "127.0.0.1" in str(error.value)
    assert "wrong" not in str(error.value)


@pytest.mark.usefixtures("no_waiting")
def test_a_server_that_is_away_is_said_in_one_sentence(cached, frames, tmp_path):
    away = FeatureStore(cached.catalogue.url, tmp_path, f"redis://127.0.0.1:{free_port()}")
    with pytest.raises(CloudOptimizerError, match=r"Redis 127\.0\.0\.1:\d+ cannot be used"):
        away.write_online("us", frames["us"])
    away.close()


def test_an_address_becomes_feasts_words():
    plain = redis_store("redis://cache")
    assert plain["connection_string"] == "cache:6379,socket_timeout=5.0,socket_connect_timeout=5.0"
    secured = redis_store("rediss://reader:p%40ss@cache:7000/2")["connection_string"]
    assert secured.startswith('cache:7000,db=2,ssl=true,username="reader",password="p@ss",')


@pytest.mark.parametrize(
    "url", ["s:6379", "http://:s@cache", "redis://", "redis://:s@cache:x", "redis://:s@cache/x", "redis://:s,s@cache"]
)
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(url):
    with pytest.raises(InputError, match="Redis") as error:
        redis_store(url)
    assert "s@" not in str(error.value).replace("password@host", "")
