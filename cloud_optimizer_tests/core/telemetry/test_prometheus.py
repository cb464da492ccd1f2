"""What is asked of Prometheus and how its answers are read."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from cloud_optimizer.core.contracts import DAY, HOUR, SAMPLE_SCHEMA
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.telemetry.prometheus import (
    DEFAULT_QUERIES,
    PrometheusSettings,
    join_measures,
    read_matrix,
    slices,
    wait_seconds,
)

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
SETTINGS = PrometheusSettings(url="http://p:9090", start=date(2026, 1, 1))


def settings(**options: Any) -> PrometheusSettings:
    return PrometheusSettings(**{"url": "http://p:9090", "start": date(2026, 1, 1), **options})


def matrix(*series: tuple[dict[str, str], list[tuple[float, str]]]) -> dict[str, Any]:
    return {"resultType": "matrix", "result": [{"metric": labels, "values": values} for labels, values in series]}


def test_no_cluster_label_leaves_no_trace_in_the_queries_and_the_window_is_the_step() -> None:
    query = SETTINGS.query_texts("c")["cpu_usage_cores"]
    assert 'rate(container_cpu_usage_seconds_total{ container!=""}[300s])' in query
    assert '"workload", "$1"' in query
    assert "$cluster" not in query


def test_a_hostile_cluster_name_stays_inside_its_quotes() -> None:
    query = settings(cluster_label="cluster").query_texts('a"} or up{x="\\')["memory_usage_bytes"]
    assert r'{cluster="a\"} or up{x=\"\\", container!=""}' in query


def test_queries_can_be_replaced_added_and_dropped() -> None:
    texts = settings(queries={"replicas": "", "error_ratio": "e", "cpu_usage_cores": "c"}).query_texts("c")
    assert (texts["error_ratio"], texts["cpu_usage_cores"]) == ("e", "c")
    assert set(texts) == (set(DEFAULT_QUERIES) - {"replicas"}) | {"error_ratio"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"queries": {"cpu": "x"}}, "no such measure: cpu"),
        ({"step_seconds": 77}, "step_seconds must divide 3600"),
        ({"end": date(2026, 1, 1)}, "end 2026-01-01 must be after start 2026-01-01"),
        ({"default_queries": False}, "no measure has a query"),
    ],
)
def test_settings_that_cannot_work_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        settings(**options)


def test_slices_are_cut_at_fixed_hours_and_cover_the_range() -> None:
    found = list(slices(NOON + timedelta(hours=1), NOON + timedelta(hours=13), SETTINGS))
    assert [part.start.hour for part in found] == [12, 18, 0]
    assert all(before.end == after.start for before, after in pairwise(found))
    assert found[-1].end >= NOON + timedelta(hours=13)
    assert list(slices(NOON, NOON, SETTINGS)) == []


def test_a_slice_never_asks_for_more_points_than_prometheus_gives() -> None:
    # A week at 15 s would be 40,320 points; 11,000 of them are 45.8 h.
    (first, *_) = slices(NOON, NOON + 7 * DAY, settings(step_seconds=15, slice_hours=168))
    assert first.end - first.start == 11_000 * timedelta(seconds=15)


def test_the_wait_doubles_up_to_the_longest_and_the_server_may_ask_for_another() -> None:
    assert [wait_seconds(attempt, SETTINGS) for attempt in (0, 1, 2, 7, 20)] == [0.5, 1.0, 2.0, 60.0, 60.0]
    assert wait_seconds(0, SETTINGS, retry_after=7.0) == 7.0
    assert wait_seconds(0, SETTINGS, retry_after=1e9) == 60.0
    assert wait_seconds(0, SETTINGS, retry_after=-1.0) == 0.0


def test_a_value_belongs_to_the_interval_that_ends_when_it_was_asked_for() -> None:
    at = (NOON + SETTINGS.step).timestamp()
    answer = matrix(({"namespace": "prod", "workload": "api", "pod": "x"}, [(at, "1.5"), (at + 300, "NaN")]))
    rows = read_matrix(answer, "cpu_usage_cores", SETTINGS).rows()
    assert rows[0] == ("prod/api", NOON, 1.5)
    assert str(rows[1][2]) == "nan"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"resultType": "scalar", "result": [1, "2"]}, "gives a scalar, not series over time"),
        (matrix(({"namespace": "prod"}, [(0, "1")])), "gives a series without the label workload"),
        (
            matrix(*[({"namespace": "n", "workload": "w", "pod": pod}, [(0, "1")]) for pod in "ab"]),
            r"gives several series of n/w: aggregate it by \(namespace, workload\)",
        ),
    ],
)
def test_an_answer_that_is_no_series_of_workloads_is_refused(answer: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_matrix(answer, "cpu_usage_cores", SETTINGS)


def test_measures_of_a_workload_and_time_share_a_sample_and_the_missing_ones_are_null() -> None:
    labels = {"namespace": "n", "workload": "w"}
    time = (NOON + SETTINGS.step).timestamp()
    cpu = read_matrix(matrix((labels, [(time, "1"), (time + 300, "2")])), "cpu_usage_cores", SETTINGS)
    memory = read_matrix(matrix((labels, [(time + 300, "9")])), "memory_usage_bytes", SETTINGS)
    samples = join_measures("c", [cpu, memory])
    assert samples.schema == SAMPLE_SCHEMA
    assert samples.select("timestamp", "cpu_usage_cores", "memory_usage_bytes").rows() == [
        (NOON, 1.0, None),
        (NOON + SETTINGS.step, 2.0, 9.0),
    ]
    assert join_measures("c", []).schema == SAMPLE_SCHEMA
    assert HOUR // SETTINGS.step == 12
