"""A champion of a version with other features: it is named, it blocks nothing, and the next choice replaces it."""

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from dagster import ResourceDefinition
from polars.testing import assert_frame_equal

from cloud_optimizer.cli.graph import Graph, Plan
from cloud_optimizer.cli.materialize import Materializer
from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.core.forecasting.contract import FittedForecaster
from cloud_optimizer.core.forecasting.saved import DESCRIPTION_FILE
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.resources.model_registry import ModelRegistry, RegisteredVersion
from cloud_optimizer_tests.integration.conftest import CLUSTER, LAST, Workbench, day

TODAY = day(0)


class WithoutArtifacts(ModelRegistry):
    """A registry that answers while the store of its artifacts does not."""

    def load_logged(self, model_id: str) -> FittedForecaster:
        raise ConnectionError(f"the artifacts of {model_id} cannot be read now")


def held(workbench: Workbench) -> RegisteredVersion:
    found = workbench.platform.model_registry.champion(CLUSTER, "cpu", before=LAST)
    assert found is not None
    return found


def incumbent_losses(workbench: Workbench) -> pl.DataFrame:
    losses = workbench.platform.evaluations.read(CLUSTER, LAST)
    return losses.filter(pl.col("model") == "incumbent_cpu")


@pytest.fixture(scope="module")
def complete(workbench: Workbench) -> Workbench:
    """Everything materialized; what other tests of the graph made is reused."""
    Graph(workbench.materializer, ["seasonal_naive_model", "lightgbm_model"]).run(Plan.of(workbench.source))
    return workbench


@pytest.fixture
def outdated(complete: Workbench) -> Iterator[Workbench]:
    """The same with a champion that had learned from a feature less than there are now."""
    path = complete.platform.model_registry.model_folder(held(complete).model_id) / DESCRIPTION_FILE
    before = path.read_text()
    description = json.loads(before)
    path.write_text(json.dumps(description | {"features": description["features"][1:]}))
    yield complete
    path.write_text(before)
    complete.run(TODAY, "model_comparison", "champion_model")


def test_a_forecast_by_it_says_what_to_do(outdated: Workbench) -> None:
    family = held(outdated).family
    with pytest.raises(CloudOptimizerError, match=f"The saved {family} model was trained on other features: train"):
        outdated.run(day(1), "demand_forecast")


def test_the_day_is_decided_without_it_and_forecast_by_its_successor(outdated: Workbench) -> None:
    gone = held(outdated)
    outdated.run(TODAY, "model_comparison", "champion_model")
    assert incumbent_losses(outdated).is_empty()
    chosen = outdated.platform.warehouse.champion_as_of(CLUSTER, LAST).filter(pl.col("resource") == "cpu")
    (row,) = chosen.to_dicts()
    assert (row["promoted"], row["trained_until"]) == (True, LAST)
    assert f"{gone.family} version {gone.version} cannot be scored (The saved {gone.family} model was" in row["reason"]
    outdated.run(TODAY, "demand_forecast")


def test_a_champion_whose_artifacts_cannot_be_read_for_now_is_not_gone(complete: Workbench) -> None:
    evaluations = complete.platform.evaluations
    scored = evaluations.read(CLUSTER, LAST).filter(pl.col("model") == "lightgbm")
    evaluations.write(CLUSTER, LAST, "incumbent_cpu", scored.with_columns(model=pl.lit("incumbent_cpu")))
    before = incumbent_losses(complete)
    away = WithoutArtifacts(complete.platform.model_registry.tracking_uri, Path(complete.platform.settings.home))
    job = build_defs(
        complete.platform.settings, {"model_registry": ResourceDefinition.hardcoded_resource(away)}
    ).resolve_implicit_global_asset_job_def()
    with pytest.raises(CloudOptimizerError, match=r"model_comparison failed.*cannot be read now"):
        Materializer(job, complete.instance, complete.materializer.console).run(
            ["model_comparison"], TODAY, lambda _: None
        )
    assert_frame_equal(incumbent_losses(complete), before)
    complete.run(TODAY, "model_comparison")
