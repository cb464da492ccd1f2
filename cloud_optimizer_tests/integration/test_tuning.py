"""Tuning in the graph: a real search, its trials in MLflow, and trainings that use what was found."""

import json
from datetime import timedelta

import polars as pl
import pytest
from dagster import ResourceDefinition
from mlflow.entities import Run
from rich.console import Console

from cloud_optimizer.cli.graph import Graph, Plan
from cloud_optimizer.cli.materialize import Materializer
from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.tuning import TuningSettings
from cloud_optimizer.core.tuning.choice import TUNED_SCHEMA
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.resources.warehouse.tuned import TUNED, tunings_as_of
from cloud_optimizer_tests.integration.conftest import CLUSTER, LAST, NOW, Workbench, day

TRIALS = 4
TUNING = TuningSettings(
    families=("lightgbm",), trials=TRIALS, folds=2, fold_days=2, history_days=14, time_box=timedelta(minutes=1)
)
TUNED_DAY = LAST - 2 * DAY


def materializer(workbench: Workbench, tuning: TuningSettings = TUNING) -> Materializer:
    settings = workbench.platform.settings.model_copy(update={"tuning": tuning})
    clock = ResourceDefinition.hardcoded_resource(lambda: NOW)
    job = build_defs(settings, {"clock": clock}).resolve_implicit_global_asset_job_def()
    return Materializer(job, workbench.instance, Console(quiet=True))


@pytest.fixture(scope="module")
def tuned(workbench: Workbench) -> Workbench:
    """The telemetry of the cluster, and hyper-parameters tuned two days before its end."""
    Graph(workbench.materializer, []).ingest(Plan.of(workbench.source))
    materializer(workbench).run(["tuned_hyperparameters"], day(2), lambda _: None)
    return workbench


def rows(workbench: Workbench) -> list[dict[str, object]]:
    return workbench.platform.warehouse.read(TUNED, CLUSTER, TUNED_DAY, TUNED_DAY + DAY).to_dicts()


def test_the_outcome_of_a_tuning_is_kept_with_its_reason(tuned: Workbench) -> None:
    (row,) = rows(tuned)
    assert (row["family"], row["trials"]) == ("lightgbm", TRIALS)
    assert {"num_leaves", "learning_rate"} <= json.loads(str(row["parameters"])).keys()
    assert str(row["reason"]).startswith("Adopted:" if row["adopted"] else "The defaults stay:")


def nested_runs(workbench: Workbench, parent: object) -> list[Run]:
    client = workbench.platform.model_registry.client
    experiment = client.get_experiment_by_name("tuned_hyperparameters").experiment_id
    return client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'")


def test_every_trial_is_a_run_nested_under_the_run_of_the_tuning(tuned: Workbench) -> None:
    (row,) = rows(tuned)
    client = tuned.platform.model_registry.client
    nested = nested_runs(tuned, row["mlflow_run"])
    assert sorted(run.data.tags["cloud_optimizer.trial"] for run in nested) == ["0", "1", "2", "3"]
    assert len({json.dumps(run.data.params, sort_keys=True) for run in nested}) == TRIALS
    assert {run.info.status for run in nested} <= {"FINISHED", "KILLED"}
    best = min(run.data.metrics["relative_loss"] for run in nested if run.info.status == "FINISHED")
    assert best == pytest.approx(row["search_loss"])
    parent = client.get_run(row["mlflow_run"])
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["cloud_optimizer.data_version"] == row["data_version"]


def test_a_partition_materialized_again_keeps_its_trials(tuned: Workbench) -> None:
    before = rows(tuned)
    materializer(tuned).run(["tuned_hyperparameters"], day(2), lambda _: None)
    (again,) = rows(tuned)
    assert again["mlflow_run"] != before[0]["mlflow_run"]  # each materialization has its run, with all trials below
    assert {**again, "mlflow_run": None} == {**before[0], "mlflow_run": None}
    assert len(nested_runs(tuned, again["mlflow_run"])) == TRIALS


@pytest.mark.parametrize("adopted", [True, False])
def test_later_trainings_use_what_was_adopted_and_say_so(tuned: Workbench, adopted: bool) -> None:
    (row,) = rows(tuned)
    leaves = {**row, "adopted": adopted, "parameters": '{"num_leaves": 5}'}
    tuned.platform.warehouse.replace(
        CLUSTER, TUNED_DAY, TUNED_DAY + DAY, {TUNED: pl.DataFrame([leaves], schema=TUNED_SCHEMA)}
    )
    tuned.run(day(1), "lightgbm_model")
    losses = tuned.platform.evaluations.read(CLUSTER, LAST - DAY).filter(pl.col("model") == "lightgbm")
    registry = tuned.platform.model_registry
    run = registry.client.get_run(registry.logged(losses["model_version"][0]).run_id)
    used = {"num_leaves": 5} if adopted else {}
    assert json.loads(run.data.params["hyperparameters"]) == used
    source = f"tuning of {TUNED_DAY}" if adopted else f"defaults: the tuning of {TUNED_DAY} did not beat them"
    assert run.data.params["hyperparameters_source"] == source
    assert run.data.tags.get("cloud_optimizer.tuning_run") == (row["mlflow_run"] if adopted else None)
    text = next(registry.model_folder(losses["model_version"][0]).glob("*.txt")).read_text()
    assert ("[num_leaves: 5]" in text) == adopted


def test_a_training_before_the_tuning_knows_nothing_of_it(tuned: Workbench) -> None:
    assert tunings_as_of(tuned.platform.warehouse, CLUSTER, TUNED_DAY - DAY) == {}
    assert tunings_as_of(tuned.platform.warehouse, CLUSTER, LAST).keys() == {"lightgbm"}


def test_a_young_cluster_is_not_tuned_and_the_partition_says_why(tuned: Workbench) -> None:
    materializer(tuned, TuningSettings()).run(["tuned_hyperparameters"], day(3), lambda _: None)
    (record,) = tuned.instance.fetch_materializations(_records("tuned_hyperparameters"), limit=1).records
    reasons = record.asset_materialization.metadata["reasons"].text
    assert "days of history are too few to tune on: 42 are needed" in reasons


def _records(asset: str) -> object:
    from dagster import AssetKey, AssetRecordsFilter

    return AssetRecordsFilter(AssetKey(asset), asset_partitions=[str(day(3).key(day(3).last))])
