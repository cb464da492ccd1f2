"""The peak-risk model in the graph: trained, logged, asked every day, and never in the way."""

from datetime import timedelta

import polars as pl
import pytest
from dagster import AssetKey, AssetRecordsFilter, MultiPartitionKey

from cloud_optimizer.cli.graph import Graph, Plan
from cloud_optimizer.cli.query import _peak_risk
from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.peak_risk.records import PEAK_RISK_MODEL_SCHEMA
from cloud_optimizer.partitions import Slice
from cloud_optimizer.resources.warehouse.peaks import PEAK_RISK_MODELS, PEAK_RISKS, peak_risk_model_as_of
from cloud_optimizer_tests.integration.conftest import CLUSTER, LAST, START, Workbench, day

TRAINED = LAST - 2 * DAY


@pytest.fixture(scope="module")
def risky(workbench: Workbench) -> Workbench:
    """The telemetry of the cluster and a model trained two days before its end; the newest four days are asked for."""
    Graph(workbench.materializer, []).ingest(Plan.of(workbench.source))
    for table in (PEAK_RISKS, PEAK_RISK_MODELS):
        nothing = {table: table.schema.to_frame()}
        workbench.platform.warehouse.replace(CLUSTER, START, LAST + DAY, nothing)
    workbench.run(day(2), "peak_risk_model")
    workbench.run(Slice(CLUSTER, LAST - 3 * DAY, LAST), "peak_risks")
    return workbench


def metadata(workbench: Workbench, asset: str, key: MultiPartitionKey) -> dict[str, object]:
    records = AssetRecordsFilter(AssetKey(asset), asset_partitions=[str(key)])
    (record,) = workbench.instance.fetch_materializations(records, limit=1).records
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def test_every_workload_has_a_probability_from_the_newest_model_of_each_day(risky: Workbench) -> None:
    risks = risky.platform.warehouse.read(PEAK_RISKS, CLUSTER, START, LAST + DAY)
    assert sorted(risks["date"].unique()) == [TRAINED, LAST - DAY, LAST]  # the day before has no model yet
    assert risks.group_by("date", "target").len()["len"].unique().to_list() == [4]
    assert risks["probability"].is_between(0, 1).all()
    assert risks["threshold"].unique().to_list() == [0.95]
    model = peak_risk_model_as_of(risky.platform.warehouse, CLUSTER, LAST)
    assert model is not None
    assert risks["model_id"].unique().to_list() == [model["model_id"]]
    assert "most_likely" in metadata(risky, "peak_risks", day(0).key(LAST))


def test_the_model_lies_in_mlflow_with_its_reliability_and_says_what_it_could_not_learn(risky: Workbench) -> None:
    model = peak_risk_model_as_of(risky.platform.warehouse, CLUSTER, TRAINED)
    assert model is not None
    registry = risky.platform.model_registry
    run = registry.client.get_run(model["mlflow_run"])
    assert run.info.status == "FINISHED"
    assert run.data.params["threshold"] == "0.95"
    paths = {item.path for item in registry.client.list_artifacts(model["mlflow_run"])}
    assert {"reliability_cpu_peak.png", "reliability_memory_peak.png"} <= paths
    told = metadata(risky, "peak_risk_model", day(2).key(TRAINED))
    assert told["remedy"] == model["remedy"]
    compared = "remedies.json" in paths
    assert compared or "nothing to compare" in str(told["notes"])


def test_a_person_reads_it_beside_the_newest_recommendation(risky: Workbench) -> None:
    newest = risky.platform.warehouse.read(PEAK_RISKS, CLUSTER, LAST, LAST + DAY)
    told = _peak_risk(risky.platform.warehouse, newest.row(0, named=True))
    assert told.startswith("Probability that 95 % of today's capacity is reached within the next 24 hours: CPU ")
    assert ", memory " in told


def test_a_cluster_too_young_fails_its_check_with_a_sentence_and_nothing_else(risky: Workbench) -> None:
    young = Slice(CLUSTER, START + 5 * DAY, START + 5 * DAY)
    risky.run(young, "peak_risk_model", "peak_risks")
    assert risky.platform.warehouse.read(PEAK_RISK_MODELS, CLUSTER, young.first, young.next_day).is_empty()
    assert risky.platform.warehouse.read(PEAK_RISKS, CLUSTER, young.first, young.next_day).is_empty()
    key = next(
        k for k in risky.graph.asset_layer.asset_graph.asset_check_keys if k.asset_key == AssetKey("peak_risk_model")
    )
    summary = risky.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    evaluation = summary[0].event.dagster_event.asset_check_evaluation_data
    assert not evaluation.passed
    assert not evaluation.blocking
    assert "more than eight days" in evaluation.description


def test_the_failed_attempt_of_a_day_takes_its_earlier_model_away(risky: Workbench) -> None:
    young = START + 5 * DAY
    stale = {"cluster": CLUSTER, "date": young, "model_id": "m-gone", "remedy": "none"}
    frame = pl.DataFrame([stale], schema=PEAK_RISK_MODEL_SCHEMA)
    risky.platform.warehouse.replace(CLUSTER, young, young + timedelta(days=1), {PEAK_RISK_MODELS: frame})
    risky.run(Slice(CLUSTER, young, young), "peak_risk_model")
    assert peak_risk_model_as_of(risky.platform.warehouse, CLUSTER, young) is None
