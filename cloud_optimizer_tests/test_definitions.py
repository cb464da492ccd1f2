"""The assembled graph: every asset explains itself, the lineage is whole, and loading it starts nothing."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import AssetKey, AssetSelection, Definitions, ResourceDefinition, TableSchema

from cloud_optimizer import definitions
from cloud_optimizer.assets.monitoring import CHECKS as DRIFT_CHECKS
from cloud_optimizer.assets.validation import CHECKS as VALIDATION_CHECKS
from cloud_optimizer.definitions import build_defs
from cloud_optimizer.partitions import BACKFILL_POLICY, PARTITIONS
from cloud_optimizer.settings import REPOSITORY, Settings

GROUPS = {
    "ingestion": {"raw_workload_metrics"},
    "validation": {"workload_metrics", "quarantined_metrics"},
    "features": {"workload_features", "feature_store"},
    "training": {"seasonal_naive_model", "autotheta_model", "lightgbm_model", "xgboost_model", "catboost_model"}
    | {"lstm_model", "gru_model", "blend_model", "peak_risk_model"},
    "tuning": {"tuned_hyperparameters"},
    "champion": {"model_comparison", "champion_model"},
    "forecasting": {"demand_forecast", "peak_risks"},
    "decisions": {"scaling_recommendations", "policy_replay", "cost_report", "realised_savings"},
    "monitoring": {"forecast_accuracy", "drift_report"},
}
NUMBERS = ("Int", "UInt", "Float")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("definitions") / "home"


@pytest.fixture(scope="module")
def defs(home: Path) -> Definitions:
    return build_defs(Settings(home=home))


@pytest.fixture(scope="module")
def nodes(defs: Definitions) -> dict[str, Any]:
    graph = defs.resolve_asset_graph()
    return {key.to_user_string(): graph.get(key) for key in graph.get_all_asset_keys()}


def test_everything_loads_as_dagster_validates_it_and_no_server_is_started(defs: Definitions, home: Path) -> None:
    Definitions.validate_loadable(defs)
    assert not home.exists()


def test_the_workspace_names_the_module_that_holds_the_definitions() -> None:
    (entry,) = yaml.safe_load((REPOSITORY / "workspace.yaml").read_text())["load_from"]
    assert entry["python_module"]["module_name"] == definitions.__name__
    assert isinstance(definitions.defs, Definitions)


def test_the_groups_of_the_architecture_hold_their_assets(nodes: dict[str, Any]) -> None:
    found: dict[str, set[str]] = {}
    for name, node in nodes.items():
        found.setdefault(node.group_name, set()).add(name)
    for group, assets in GROUPS.items():
        assert assets <= found.get(group, set()), group


def test_every_asset_says_what_it_holds_who_answers_for_it_and_where_it_lies(nodes: dict[str, Any]) -> None:
    for name, node in nodes.items():
        assert len(node.description or "") > 40, name
        assert str(node.description).endswith("."), name
        assert node.owners, name
        assert node.kinds, name
        assert len(node.kinds) <= 3, f"{name}: Dagster shows three"


def test_every_asset_has_the_partitions_of_the_platform_and_one_run_for_a_range(nodes: dict[str, Any]) -> None:
    for name, node in nodes.items():
        assert node.partitions_def == PARTITIONS, name
        assert node.backfill_policy == BACKFILL_POLICY, name


def test_every_asset_states_its_columns_and_every_number_its_unit(nodes: dict[str, Any]) -> None:
    for name, node in nodes.items():
        schema: Any = node.metadata.get("dagster/column_schema")
        assert isinstance(schema, TableSchema), name
        silent = [c.name for c in schema.columns if c.type.startswith(NUMBERS) and not c.description]
        assert silent == [], name


def test_recommendations_descend_from_telemetry_forecast_champion_and_drift(defs: Definitions) -> None:
    graph = defs.resolve_asset_graph()
    ancestors = AssetSelection.assets("cost_report").upstream().resolve(graph)
    names = {key.to_user_string() for key in ancestors}
    assert set().union(*GROUPS.values()) - names == {
        "quarantined_metrics",
        "feature_store",
        "policy_replay",
        "realised_savings",
        "peak_risk_model",
        "peak_risks",
    }


def test_invalid_telemetry_stops_everything_after_it_and_drift_stops_nothing(defs: Definitions) -> None:
    graph = defs.resolve_asset_graph()
    blocking = {key: graph.get_check_spec(key).blocking for key in graph.asset_check_keys}
    by_asset = {
        asset: {key.name: blocks for key, blocks in blocking.items() if key.asset_key == AssetKey(asset)}
        for asset in ("workload_metrics", "drift_report")
    }
    validation = {name: name != "completeness" for name in VALIDATION_CHECKS}
    assert by_asset["workload_metrics"] == validation
    assert by_asset["drift_report"] == dict.fromkeys(DRIFT_CHECKS, False)
    assert {"data_drift", "prediction_drift", "target_drift", "performance_degradation"} <= DRIFT_CHECKS.keys()
    assert {"row_count", "required_columns", "nulls", "ranges", "duplicates", "monotonic_time", "freshness"} == {
        name for name, blocks in validation.items() if blocks
    }
    stopping = {key.asset_key.to_user_string() for key, blocks in blocking.items() if blocks}
    assert stopping == {"workload_metrics"}


def test_every_check_says_what_holds_when_it_passes(defs: Definitions) -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.asset_check_keys:
        assert str(graph.get_check_spec(key).description).endswith("."), key


def test_every_automation_is_on_by_itself_and_says_what_it_does(defs: Definitions) -> None:
    ticking = [*(defs.schedules or ()), *(defs.sensors or ())]
    assert len(ticking) >= 3
    for automation in ticking:
        assert automation.default_status.value == "RUNNING", automation.name
        assert len(automation.description or "") > 40, automation.name


def test_every_job_selects_assets_and_says_what_it_does(defs: Definitions) -> None:
    jobs = {job.name: job for job in defs.jobs or ()}
    assert {"complete_partition", "retraining"} <= jobs.keys()
    for name in jobs:
        resolved = defs.resolve_job_def(name)
        assert resolved.nodes, name
        assert len(resolved.description or "") > 40, name


def test_the_two_jobs_together_make_the_whole_graph_and_train_apart_from_deciding(defs: Definitions) -> None:
    selected = {
        name: {key.to_user_string() for key in defs.resolve_job_def(name).asset_layer.executable_asset_keys}
        for name in ("complete_partition", "retraining")
    }
    assert GROUPS["training"] | GROUPS["champion"] <= selected["retraining"]
    assert selected["retraining"].isdisjoint(selected["complete_partition"])
    apart = GROUPS["tuning"]  # weekly
    assert set().union(*GROUPS.values()) - apart <= selected["retraining"] | selected["complete_partition"]


def test_trainings_descend_from_tuning_and_no_other_job_searches(defs: Definitions) -> None:
    graph = defs.resolve_asset_graph()
    assert AssetKey("tuned_hyperparameters") in AssetSelection.assets("lightgbm_model").upstream().resolve(graph)
    searching = [
        job.name
        for job in defs.jobs or ()
        if AssetKey("tuned_hyperparameters") in defs.resolve_job_def(job.name).asset_layer.executable_asset_keys
    ]
    assert searching == ["tuning"]


def test_definitions_are_built_anew_and_take_other_resources(home: Path) -> None:
    clock = ResourceDefinition.hardcoded_resource(None)
    changed = build_defs(Settings(home=home), {"clock": clock})
    assert (changed.resources or {})["clock"] is clock
    assert (build_defs(Settings(home=home)).resources or {})["clock"] is not clock


def test_what_trains_shares_one_pool_and_no_run_of_a_days_work_waits_for_one(defs: Definitions) -> None:
    """A run holds the pools of all its steps until it ends; with one slot, one of two runs is left for the day."""

    def pools(job: str) -> set[str]:
        return {pool for node in defs.resolve_job_def(job).all_node_defs for pool in node.pools}

    assert pools("retraining") == pools("tuning") == {"training"}
    assert pools("ingestion") == pools("recommendation") == pools("complete_partition") == set()
    concurrency = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())["concurrency"]
    assert concurrency["pools"]["default_limit"] < concurrency["runs"]["max_concurrent_runs"]
