"""Which metric of a long-form set becomes which measure, and how rows of several metrics share a sample."""

from datetime import UTC, datetime

import polars as pl
import pytest

from cloud_optimizer.core.telemetry.long_form import MetricRule, describe, rule_of, widen

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("metric", "unit", "measure", "factor", "per_interval"),
    [
        ("cpu_utilization", "percent 0-100", "cpu_usage_cores", 0.01, False),
        ("cpu_utilization", "fraction", "cpu_usage_cores", 1.0, False),
        ("cpu_utilization", None, "cpu_usage_cores", 1.0, False),
        ("network_in", "bytes per interval (CloudWatch NetworkIn)", "network_receive_bytes_per_second", 1.0, True),
        ("network_in", "KB/s", "network_receive_bytes_per_second", 1024.0, False),
        ("network_in", "MB/s", "network_receive_bytes_per_second", 1024.0**2, False),
        ("request_latency", "not stated", "latency_p95_seconds", 0.001, False),
        ("mongodb-machine-rps", None, "requests_per_second", 1.0, False),
        ("Memory usage [MB]", "", "memory_usage_bytes", 1024.0**2, False),
    ],
)
def test_a_metric_in_its_unit_has_a_rule(
    metric: str, unit: str | None, measure: str, factor: float, per_interval: bool
) -> None:
    rule = rule_of(metric, unit)
    assert rule is not None
    assert (rule.measure, rule.factor, rule.per_interval) == (measure, factor, per_interval)


@pytest.mark.parametrize(
    ("metric", "unit"), [("temperature", None), ("cpu_utilization", "degrees"), ("rps", "furlongs")]
)
def test_an_unknown_metric_or_unit_has_none(metric: str, unit: str | None) -> None:
    assert rule_of(metric, unit) is None


def test_a_rule_says_what_it_assumes() -> None:
    rule = MetricRule("x", "", "latency_p95_seconds", 0.001, assumption="taken as milliseconds")
    assert describe("x", rule) == "x becomes latency_p95_seconds, times 0.001 (taken as milliseconds)"


def widened(rows: list[tuple[str, str, float | None]]) -> pl.DataFrame:
    rules = [
        (name, rule_of(name, unit)) for name, unit in (("cpu_percent", ""), ("request_count", "requests per interval"))
    ]
    frame = pl.DataFrame(
        {
            "cluster": "c",
            "workload_id": [workload for workload, _, _ in rows],
            "timestamp": NOON,
            "series": [series for _, series, _ in rows],
            "value": pl.Series([value for _, _, value in rows], dtype=pl.Float64),
        }
    )
    known = [(name, rule) for name, rule in rules if rule is not None]
    return widen(frame.lazy(), known, interval_seconds=300.0).drop("cluster", "timestamp").collect()


def test_metrics_of_one_workload_and_time_share_a_row_and_a_machine_counts_as_one_core() -> None:
    # 50 % of one core; 600 requests in 300 s are 2/s.
    assert widened([("a", "cpu_percent", 50.0), ("a", "request_count", 600.0)]).rows() == [("a", 0.5, 2.0, 1.0)]


def test_a_workload_without_cpu_keeps_its_capacity_unknown() -> None:
    assert widened([("a", "request_count", 600.0)]).rows() == [("a", None, 2.0, None)]


def test_a_repeated_value_makes_a_second_row_and_null_stays_a_row() -> None:
    rows = [("a", "cpu_percent", 50.0), ("b", "request_count", None), ("a", "cpu_percent", 75.0), ("a", "other", 1.0)]
    assert widened(rows).rows() == [("a", 0.5, None, 1.0), ("b", None, None, None), ("a", 0.75, None, 1.0)]
