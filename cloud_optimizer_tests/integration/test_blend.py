"""The blend in the graph: a candidate made of the day's logged members, without training them again."""

import shutil

import polars as pl
import pytest

from cloud_optimizer.cli.graph import Graph, Plan
from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.resources.model_registry import LoggedModel
from cloud_optimizer.resources.model_registry.kept_fits import KEPT
from cloud_optimizer_tests.integration.conftest import CLUSTER, LAST, Workbench, day

AS_OF = LAST - 4 * DAY
MEMBERS = ("lightgbm", "xgboost", "catboost")


@pytest.fixture(scope="module")
def members(workbench: Workbench) -> Workbench:
    """The telemetry of the cluster and the boosted families trained as of one day."""
    Graph(workbench.materializer, []).ingest(Plan.of(workbench.source))
    workbench.run(day(4), *(f"{family}_model" for family in MEMBERS))
    return workbench


def losses(workbench: Workbench, family: str) -> pl.DataFrame:
    return workbench.platform.evaluations.read(CLUSTER, AS_OF).filter(pl.col("model") == family)


def logged(workbench: Workbench, family: str = "blend") -> LoggedModel:
    return workbench.platform.model_registry.logged(losses(workbench, family)["model_version"][0])


def params(workbench: Workbench) -> dict[str, str]:
    return workbench.platform.model_registry.client.get_run(logged(workbench).run_id).data.params


def test_the_blend_is_scored_like_its_members_on_days_that_none_of_them_saw(members: Workbench) -> None:
    members.run(day(4), "blend_model")
    own = losses(members, "blend")
    cells = ["workload_id", "origin", "target"]
    assert own.select(cells).sort(cells).equals(losses(members, "lightgbm").select(cells).sort(cells))
    by_model = {family: losses(members, family)["quantile_score"].sum() for family in (*MEMBERS, "blend")}
    assert by_model["blend"] <= 1.02 * sum(by_model[family] for family in MEMBERS) / 3


def test_the_blend_names_its_members_and_comes_back_from_mlflow_in_native_formats(members: Workbench) -> None:
    expected = {f"member.{family}": logged(members, family).model_id for family in MEMBERS}
    assert {name: value for name, value in params(members).items() if name.startswith("member.")} == expected
    registry = members.platform.model_registry
    folder = registry.model_folder(logged(members).model_id)
    assert {".txt", ".ubj", ".cbm", ".json"} == {path.suffix for path in folder.iterdir()}
    pins = (folder.parents[1] / "requirements.txt").read_text()
    assert all(f"{family}==" in pins for family in MEMBERS)
    assert registry.load_logged(logged(members).model_id).name == "blend"


def test_the_blend_may_become_champion(members: Workbench) -> None:
    for family in MEMBERS:
        members.platform.evaluations.remove(CLUSTER, AS_OF, family)
    members.run(day(4), "model_comparison", "champion_model")
    chosen = members.platform.warehouse.champion_as_of(CLUSTER, AS_OF)
    assert chosen["model"].unique().to_list() == ["blend"]
    members.run(day(4), "demand_forecast")


@pytest.mark.parametrize("folder", KEPT)
def test_a_member_one_of_whose_fits_is_gone_is_left_out(members: Workbench, folder: str) -> None:
    members.run(day(4), *(f"{family}_model" for family in MEMBERS))
    registry = members.platform.model_registry
    uri = registry.client.get_run(logged(members, "lightgbm").run_id).info.artifact_uri
    shutil.rmtree(registry.download(f"{uri}/{folder}"))
    members.run(day(4), "blend_model")
    assert {name for name in params(members) if name.startswith("member.")} == {"member.xgboost", "member.catboost"}


def test_a_failed_member_is_left_out_and_with_one_left_the_blend_fails_its_check_alone(members: Workbench) -> None:
    members.run(day(4), *(f"{family}_model" for family in MEMBERS))
    members.platform.evaluations.remove(CLUSTER, AS_OF, "xgboost")
    members.run(day(4), "blend_model")
    assert {name for name in params(members) if name.startswith("member.")} == {"member.lightgbm", "member.catboost"}
    members.platform.evaluations.remove(CLUSTER, AS_OF, "catboost")
    members.run(day(4), "blend_model")
    assert losses(members, "blend").is_empty()
