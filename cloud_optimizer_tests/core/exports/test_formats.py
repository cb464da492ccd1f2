"""Exports: every format can be read back by what reads it, and says what the record says."""

import csv
import io
import json

import numpy as np
import polars as pl
import pytest
import yaml

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.exports import FORMATS, export
from cloud_optimizer.core.exports.kubernetes import Address, cpu_quantity, memory_quantity
from cloud_optimizer.core.recommendations.recommend import recommend
from cloud_optimizer.core.records import RECOMMENDATION_SCHEMA
from cloud_optimizer_tests.core.recommendations.fleet import inputs, rollup


@pytest.fixture(scope="module")
def recommendations() -> pl.DataFrame:
    steady = np.full(14 * 24, 0.5)
    names = ["shop/Deployment/web/nginx", 'odd "name"\n', "short"]
    frames = [rollup(name, steady if name != "short" else steady[:5]) for name in names]
    return recommend(inputs(pl.concat(frames)))


def record(recommendations: pl.DataFrame, workload_id: str) -> dict[str, object]:
    return recommendations.row(by_predicate=pl.col("workload_id") == workload_id, named=True)


def test_csv_holds_every_column_and_row(recommendations: pl.DataFrame) -> None:
    rows = list(csv.DictReader(io.StringIO(export(recommendations, "csv"))))
    assert list(rows[0]) == RECOMMENDATION_SCHEMA.names()
    assert [row["workload_id"] for row in rows] == recommendations["workload_id"].to_list()
    assert rows[1]["created_at"] == "2026-03-11T00:00:00Z"
    assert "CPU_OVER|MEMORY_OVER" in rows[1]["reason_codes"]


def test_json_holds_options_as_objects(recommendations: pl.DataFrame) -> None:
    records = json.loads(export(recommendations, "json"))
    assert len(records) == 3
    assert records[1]["options"][0]["name"] == "balanced"
    assert records[1]["options"][0]["cpu_cores"] == records[1]["recommended_cpu_cores"]
    assert records[1]["date"] == "2026-03-10"


def test_a_patch_sets_requests_and_memory_limit_of_the_named_container(recommendations: pl.DataFrame) -> None:
    documents = list(yaml.safe_load_all(export(recommendations, "patch")))
    patch = next(document for document in documents if document["metadata"]["name"] == "web")
    wanted = record(recommendations, "shop/Deployment/web/nginx")
    (container,) = patch["spec"]["template"]["spec"]["containers"]
    assert (patch["apiVersion"], patch["kind"], patch["metadata"]["namespace"]) == ("apps/v1", "Deployment", "shop")
    assert container["name"] == "nginx"
    assert container["resources"]["requests"]["cpu"] == f"{round(wanted['recommended_cpu_cores'] * 1000)}m"
    assert container["resources"]["limits"] == {"memory": container["resources"]["requests"]["memory"]}
    assert patch["metadata"]["annotations"]["cloud-optimizer/recommendation-id"] == wanted["recommendation_id"]


def test_only_changes_are_patched(recommendations: pl.DataFrame) -> None:
    names = [document["metadata"]["name"] for document in yaml.safe_load_all(export(recommendations, "patch"))]
    assert sorted(names) == ["odd-name", "web"]


def test_totals_over_replicas_are_divided_and_the_autoscaler_gets_an_absolute_target() -> None:
    scaled = rollup("web", np.full(14 * 24, 4.0), replicas_mean=4.0, cpu_capacity_cores=16.0)
    recommendations = recommend(inputs(scaled))
    wanted = recommendations.row(0, named=True)
    workload, autoscaler = yaml.safe_load_all(export(recommendations, "patch"))
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    per_replica = wanted["recommended_cpu_cores"] / wanted["recommended_replicas"]
    assert container["resources"]["requests"]["cpu"] == cpu_quantity(per_replica)
    assert "replicas" not in workload["spec"]  # the autoscaler owns the number
    target = autoscaler["spec"]["metrics"][0]["resource"]["target"]
    assert target == {"type": "AverageValue", "averageValue": cpu_quantity(wanted["recommended_hpa_target_cpu_cores"])}


def test_a_vpa_object_carries_target_and_bounds_and_changes_nothing_by_itself(recommendations: pl.DataFrame) -> None:
    documents = {d["metadata"]["name"]: d for d in yaml.safe_load_all(export(recommendations, "vpa"))}
    assert set(documents) == {"web", "odd-name"}
    vpa = documents["web"]
    (container,) = vpa["status"]["recommendation"]["containerRecommendations"]
    millicores = [int(container[bound]["cpu"].removesuffix("m")) for bound in ("lowerBound", "target", "upperBound")]
    assert millicores == sorted(millicores)
    assert vpa["spec"]["updatePolicy"] == {"updateMode": "Off"}
    assert vpa["spec"]["targetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}


def test_containers_of_one_deployment_share_a_document() -> None:
    names = ("shop/Deployment/web/nginx", "shop/Deployment/web/proxy")
    steady = np.full(14 * 24, 4.0)
    scaled = [rollup(name, steady, replicas_mean=4.0, cpu_capacity_cores=16.0) for name in names]
    recommendations = recommend(inputs(pl.concat(scaled)))
    workload, autoscaler = yaml.safe_load_all(export(recommendations, "patch"))
    containers = workload["spec"]["template"]["spec"]["containers"]
    assert [container["name"] for container in containers] == ["nginx", "proxy"]
    ids = ",".join(recommendations["recommendation_id"])
    assert workload["metadata"]["annotations"]["cloud-optimizer/recommendation-id"] == ids
    metrics = [metric["containerResource"]["container"] for metric in autoscaler["spec"]["metrics"]]
    assert metrics == ["nginx", "proxy"]
    (vpa,) = yaml.safe_load_all(export(recommendations, "vpa"))
    recommended = vpa["status"]["recommendation"]["containerRecommendations"]
    assert [container["containerName"] for container in recommended] == ["nginx", "proxy"]


def test_the_target_of_a_container_is_its_own_where_its_neighbours_stay_as_they_are() -> None:
    scaled = rollup("shop/web/nginx", np.full(14 * 24, 4.0), replicas_mean=4.0, cpu_capacity_cores=16.0)
    _, autoscaler = yaml.safe_load_all(export(recommend(inputs(scaled)), "patch"))
    (metric,) = autoscaler["spec"]["metrics"]
    assert (metric["type"], metric["containerResource"]["container"]) == ("ContainerResource", "nginx")


def test_the_cpu_limit_of_a_replica_is_raised_only_where_its_request_would_lie_above_it() -> None:
    scaled = rollup("web", np.full(14 * 24, 4.0), replicas_mean=4.0, cpu_capacity_cores=16.0)
    for limit, raised in ((64.0, False), (0.1, True), (4.0, False)):
        preferences = pl.DataFrame({"workload_id": ["web"], "cpu_limit_cores": [limit]})
        workload, *_ = yaml.safe_load_all(export(recommend(inputs(scaled, preferences=preferences)), "patch"))
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        assert ("cpu" in container["resources"]["limits"]) == raised


def test_prometheus_reads_the_metrics_with_odd_names_escaped(recommendations: pl.DataFrame) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    families = {family.name: family for family in text_string_to_metric_families(export(recommendations, "prometheus"))}
    sizes = {
        sample.labels["workload"]: sample.value
        for sample in families["cloud_optimizer_recommendation_cpu_recommended_cores"].samples
    }
    assert sizes == dict(recommendations.select("workload_id", "recommended_cpu_cores").iter_rows())
    savings = families["cloud_optimizer_recommendation_monthly_saving"].samples
    assert {sample.labels["currency"] for sample in savings} == {"USD"}


def test_a_workload_is_written_once_for_its_latest_day(recommendations: pl.DataFrame) -> None:
    earlier = recommendations.with_columns(pl.col("date") - pl.duration(days=1), recommended_cpu_cores=pl.lit(99.0))
    assert export(pl.concat([recommendations, earlier]), "prometheus") == export(recommendations, "prometheus")


@pytest.mark.parametrize("name", FORMATS)
def test_no_recommendations_are_exported_as_such(name: str) -> None:
    assert isinstance(export(RECOMMENDATION_SCHEMA.to_frame(), name), str)


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="csv, json, patch, vpa, prometheus"):
        export(RECOMMENDATION_SCHEMA.to_frame(), "excel")


@pytest.mark.parametrize(
    ("workload_id", "address"),
    [
        ("web", Address("default", "Deployment", "web", "web", True)),
        ("StatefulSet/db", Address("default", "StatefulSet", "db", "db", True)),
        ("shop/CronJob/report/main", Address("shop", "CronJob", "report", "main", False)),
        (
            "shop/checkout",
            Address("shop", "Deployment", "checkout", "checkout", True),
        ),  # as the Prometheus source names it
        ("shop/checkout/proxy", Address("shop", "Deployment", "checkout", "proxy", False)),
        ("shop/Deployment", Address("shop", "Deployment", "deployment", "deployment", True)),
        ("VM_17 (old)", Address("default", "Deployment", "vm-17-old", "vm-17-old", True)),
    ],
)
def test_a_workload_name_says_where_it_lives(workload_id: str, address: Address) -> None:
    assert Address.of(workload_id) == address


def test_quantities_are_rounded_up() -> None:
    assert (cpu_quantity(0.2921), cpu_quantity(0.292)) == ("293m", "292m")
    assert (memory_quantity(1.5 * 2**30), memory_quantity(2**20 + 1)) == ("1536Mi", "2Mi")
