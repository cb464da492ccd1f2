"""The Prometheus source against a real server that holds real traces under cAdvisor and kube-state-metrics names."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cloud_optimizer.core.contracts import DAY, HOUR, SAMPLE_SCHEMA
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.telemetry.prometheus import PrometheusSettings
from cloud_optimizer.resources.telemetry.prometheus import PrometheusSource
from cloud_optimizer.resources.telemetry.trace import TraceSource
from cloud_optimizer_tests.resources.telemetry.prometheus_server import PrometheusServer, missing_program

START = datetime(2013, 8, 5, tzinfo=UTC)
STEP = timedelta(minutes=5)
SCRAPE = 60
# Workload: kind of owner, owner, pods that share the use of the machine evenly.
PODS = {
    "bitbrains-rnd-vm-001": ("ReplicaSet", "vm-001-5d9c7f", ("vm-001-5d9c7f-a", "vm-001-5d9c7f-b")),
    "bitbrains-rnd-vm-053": ("StatefulSet", "vm-053", ("vm-053-0",)),
    "bitbrains-rnd-vm-333": ("Job", "vm-333-28391020", ("vm-333-28391020-x",)),
}
EXPECTED_NAMES = {"bitbrains-rnd-vm-001": "prod/vm-001", "bitbrains-rnd-vm-053": "prod/vm-053"} | {
    "bitbrains-rnd-vm-333": "prod/vm-333"
}
USED = ("cpu_usage_cores", "memory_usage_bytes", "network_receive_bytes_per_second")


def trace_day(traces: Path) -> pl.DataFrame:
    """One day of three machines on the 5-minute grid, every slot filled."""
    source = TraceSource(traces / "bitbrains_rnd_dev.parquet", cluster="c")
    samples = source.read("c", START, START + DAY).filter(pl.col("workload_id").is_in(list(PODS)))
    slots = pl.datetime_range(START, START + DAY, STEP, closed="left", eager=True).cast(SAMPLE_SCHEMA["timestamp"])
    grid = samples.select("workload_id").unique().join(pl.DataFrame({"timestamp": slots}), how="cross")
    on_grid = samples.with_columns(pl.col("timestamp").dt.truncate("5m")).unique(["workload_id", "timestamp"])
    filled = grid.join(on_grid, on=["workload_id", "timestamp"], how="left").sort("workload_id", "timestamp")
    return filled.with_columns(
        pl.exclude("workload_id", "timestamp").forward_fill().backward_fill().over("workload_id")
    )


def open_metrics(day: pl.DataFrame) -> str:
    """What a scrape a minute would have left: counters are integrals of the use, gauges tell of the slot that ends."""
    families: dict[str, list[str]] = {}

    def add(name: str, kind: str, labels: str, values: list[tuple[float, int]]) -> None:
        lines = families.setdefault(f"{name} {kind}", [])
        suffix = "_total" if kind == "counter" else ""
        lines += [f"{name}{suffix}{{{labels}}} {value!r} {at}" for value, at in values]

    for workload, (owner_kind, owner, pods) in PODS.items():
        rows = day.filter(pl.col("workload_id") == workload)
        begin = int(START.timestamp())
        times = range(begin, begin + int(DAY.total_seconds()) + 1, SCRAPE)
        slot = [max((at - begin - 1) // 300, 0) for at in times]
        series = {name: rows[name].to_list() for name in (*USED, "cpu_capacity_cores", "memory_capacity_bytes")}
        for pod in pods:
            share = 1 / len(pods)
            place = f'namespace="prod",pod="{pod}"'
            counters = {"container_cpu_usage_seconds": USED[0], "container_network_receive_bytes": USED[2]}
            for name, measure in counters.items():
                total, values = 0.0, []
                for at, index in zip(times, slot, strict=True):
                    total += series[measure][index] * share * SCRAPE if at > begin else 0.0
                    values.append((total, at))
                container = 'container="app",' if "cpu" in name else ""
                add(name, "counter", container + place, values)
            for name, measure, extra in (
                ("container_memory_working_set_bytes", USED[1], 'container="app",'),
                ("kube_pod_container_resource_limits", "cpu_capacity_cores", 'resource="cpu",unit="core",'),
                ("kube_pod_container_resource_limits", "memory_capacity_bytes", 'resource="memory",unit="byte",'),
            ):
                values = [(series[measure][index] * share, at) for at, index in zip(times, slot, strict=True)]
                add(name, "gauge", extra + place, values)
            owned = f'{place},owner_kind="{owner_kind}",owner_name="{owner}"'
            add("kube_pod_owner", "gauge", owned, [(1.0, at) for at in times])
            add("kube_pod_status_phase", "gauge", f'{place},phase="Running"', [(1.0, at) for at in times])
    blocks = [f"# TYPE {family}\n" + "\n".join(lines) for family, lines in families.items()]
    return "\n".join(blocks) + "\n# EOF\n"


@pytest.fixture(scope="module")
def server(traces: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    if missing_program() is not None:
        pytest.skip(f"{missing_program()} is not installed (Debian package prometheus)")
    folder = tmp_path_factory.mktemp("prometheus")
    text = folder / "metrics.txt"
    text.write_text(open_metrics(trace_day(traces)))
    server = PrometheusServer(folder)
    server.load(text)
    server.start()
    yield server
    server.stop()


def source(server: PrometheusServer, **options: object) -> PrometheusSource:
    settings = {"url": server.url, "cluster": "kube", "start": date(2013, 8, 5), "end": date(2013, 8, 6), **options}
    keywords = {name: settings.pop(name) for name in ("spool", "sleep") if name in settings}
    return PrometheusSource(PrometheusSettings(**settings), connect=lambda: httpx.Client(trust_env=False), **keywords)


def test_a_day_of_machines_reads_back_from_prometheus_as_it_was_in_the_trace(
    server: PrometheusServer, traces: Path
) -> None:
    expected = trace_day(traces).with_columns(pl.col("workload_id").replace_strict(EXPECTED_NAMES))
    found = source(server).read("kube", START, START + DAY)
    columns = ["workload_id", "timestamp", *USED, "cpu_capacity_cores", "memory_capacity_bytes"]
    assert found.schema == SAMPLE_SCHEMA
    assert found.height == 3 * 288
    assert_frame_equal(found.select(columns), expected.select(columns), rel_tol=1e-9, abs_tol=1e-6)
    assert dict(found.group_by("workload_id").agg(pl.col("replicas").max()).iter_rows()) == {
        "prod/vm-001": 2.0,
        "prod/vm-053": 1.0,
        "prod/vm-333": 1.0,
    }


def test_a_sample_is_the_same_whatever_range_and_slices_it_was_read_in(server: PrometheusServer) -> None:
    whole = source(server).read("kube", START, START + DAY)
    start, end = START + 5 * HOUR + 10 * STEP, START + 13 * HOUR
    part = source(server, slice_hours=1).read("kube", start, end)
    assert_frame_equal(part, whole.filter(pl.col("timestamp").is_between(start, end, closed="left")), rel_tol=1e-12)


def test_the_measures_the_server_does_not_have_are_noted(server: PrometheusServer) -> None:
    assert source(server).notes("kube") == (
        f"read from Prometheus at {server.url} every 300 s",
        (
            "no series at 2013-08-06 00:00 UTC for disk_read_bytes_per_second, disk_write_bytes_per_second, "
            "network_transmit_bytes_per_second"
        ),
    )


def test_a_query_of_ones_own_replaces_the_default(server: PrometheusServer) -> None:
    queries = {
        "requests_per_second": 'label_replace(vector(7), "namespace", "prod", "", ".*")',
        "cpu_usage_cores": "count by (namespace) (container_memory_working_set_bytes)",
    }
    own = source(server, queries=queries, default_queries=False, workload_labels=("namespace",))
    found = own.read("kube", START, START + HOUR)
    assert found["workload_id"].unique().to_list() == ["prod"]
    assert found.select("cpu_usage_cores", "requests_per_second").unique().rows() == [(4.0, 7.0)]


def test_clusters_are_told_apart_by_their_label(server: PrometheusServer) -> None:
    by_pod = source(
        server,
        cluster_label="pod",
        default_queries=False,
        workload_labels=("namespace",),
        queries={
            "cpu_usage_cores": "sum by (namespace) (rate(container_cpu_usage_seconds_total{$cluster}[$window]))",
        },
    )
    assert by_pod.clusters() == ("vm-001-5d9c7f-a", "vm-001-5d9c7f-b", "vm-053-0", "vm-333-28391020-x")
    one, both = (
        labelled.read(name, START, START + HOUR)["cpu_usage_cores"].sum()
        for labelled, name in ((by_pod, "vm-001-5d9c7f-a"), (source(server), "kube"))
    )
    assert 0 < one < both


def test_a_query_with_a_mistake_is_refused_in_the_words_of_prometheus(server: PrometheusServer) -> None:
    broken = source(server, queries={"cpu_usage_cores": "rate(container_cpu"})
    with pytest.raises(InputError, match=r"refuses the query of cpu_usage_cores: .*parse error"):
        broken.read("kube", START, START + HOUR)


def test_a_restart_of_the_server_is_waited_out(server: PrometheusServer) -> None:
    waits: list[float] = []

    def start_again(seconds: float) -> None:
        if not waits:
            server.start()
        waits.append(seconds)

    whole = source(server).read("kube", START, START + HOUR)
    server.stop()
    # One request at a time: two threads would both start the server.
    found = source(server, sleep=start_again, concurrency=1).read("kube", START, START + HOUR)
    assert_frame_equal(found, whole)
    assert waits == [0.5]


def test_what_was_fetched_is_not_asked_for_again(server: PrometheusServer, tmp_path: Path) -> None:
    first = source(server, spool=tmp_path).read("kube", START, START + DAY)
    server.stop()
    try:
        again = source(server, spool=tmp_path, attempts=1).read("kube", START + HOUR, START + DAY)
    finally:
        server.start()
    assert_frame_equal(again, first.filter(pl.col("timestamp") >= START + HOUR))
