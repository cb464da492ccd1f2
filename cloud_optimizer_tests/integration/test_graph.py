"""The graph on real services. Tests run in order on one platform: each adds to what the one before materialized."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cloud_optimizer.assets.monitoring import CHECKS as DRIFT_CHECKS
from cloud_optimizer.cli.graph import Graph, Plan
from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.partitions import Slice
from cloud_optimizer.resources.warehouse import (
    ACCURACY,
    CHAMPIONS,
    CLEAN_SAMPLES,
    DRIFT,
    FORECASTS,
    HOURS,
    QUARANTINE,
    RAW_SAMPLES,
    RECOMMENDATIONS,
)
from cloud_optimizer.resources.warehouse.reports import COST_REPORTS, POLICY_REPLAYS
from cloud_optimizer_tests.integration.conftest import CLUSTER, DAYS, LAST, START, Workbench, day

EVERYTHING = (RAW_SAMPLES, CLEAN_SAMPLES, QUARANTINE, HOURS, FORECASTS, RECOMMENDATIONS, ACCURACY, DRIFT, CHAMPIONS)


def rows(workbench: Workbench, table: object, first: object = START, last: object = LAST + DAY) -> pl.DataFrame:
    return workbench.platform.warehouse.read(table, CLUSTER, first, last)


@pytest.fixture(scope="module")
def complete(workbench: Workbench) -> Workbench:
    """The whole graph, as `cloud-optimizer run` materializes it, with the two fast families."""
    plan = Plan.of(workbench.source)
    Graph(workbench.materializer, ["seasonal_naive_model", "lightgbm_model"]).run(plan)
    return workbench


def test_a_forecast_without_a_champion_says_what_to_materialize_first(workbench: Workbench) -> None:
    with pytest.raises(CloudOptimizerError, match=f"No champion was chosen for cluster {CLUSTER}"):
        workbench.run(day(20), "demand_forecast")


def test_every_received_sample_is_kept_or_quarantined(complete: Workbench) -> None:
    received = rows(complete, RAW_SAMPLES).height
    kept = rows(complete, CLEAN_SAMPLES)["sample_count"].sum()
    rejected = rows(complete, QUARANTINE)
    assert received > DAYS * 4 * 200
    assert rejected.height > 0
    assert kept + rejected.height == received


def test_every_stage_left_its_rows(complete: Workbench) -> None:
    decided = Plan.of(complete.source).decided
    for table in (FORECASTS, RECOMMENDATIONS, DRIFT):
        assert complete.platform.warehouse.days(table, CLUSTER) == list(decided.days), table.name
    assert rows(complete, COST_REPORTS).height >= len(list(decided.days))
    assert "cloud_optimizer" in rows(complete, POLICY_REPLAYS)["policy"].to_list()


def test_forecasts_are_ordered_quantiles_of_the_24_hours_after_the_day(complete: Workbench) -> None:
    newest = rows(complete, FORECASTS, LAST)
    quantiles = newest.select(pl.selectors.starts_with("q")).to_numpy()
    assert (quantiles[:, 1:] >= quantiles[:, :-1]).all()
    assert (quantiles >= 0).all()
    assert newest.group_by("workload_id", "target").len()["len"].unique().to_list() == [24]
    assert newest["timestamp"].min() == newest["origin"].min()
    assert newest["origin"].dt.date().unique().to_list() == [LAST + DAY]


def test_the_champion_of_each_resource_is_recorded_with_its_version_and_reason(complete: Workbench) -> None:
    champions = complete.platform.warehouse.champion_as_of(CLUSTER, LAST)
    assert sorted(champions["resource"]) == ["cpu", "memory"]
    assert all(champions["reason"])
    for row in champions.to_dicts():
        held = complete.platform.model_registry.champion(CLUSTER, row["resource"])
        assert str(held.version) == row["model_version"]
        assert "champion" in held.aliases


def test_recommendations_save_no_more_than_there_is_to_save(complete: Workbench) -> None:
    newest = rows(complete, RECOMMENDATIONS, LAST)
    assert newest.height == 4
    assert (newest["monthly_saving"] <= newest["monthly_cost_before"] + 1e-9).all()
    assert (newest["lower_cpu_cores"] <= newest["recommended_cpu_cores"]).all()
    assert (newest["recommended_cpu_cores"] <= newest["upper_cpu_cores"]).all()


def test_accuracy_compares_the_forecast_of_a_day_with_that_day(complete: Workbench) -> None:
    scored = rows(complete, ACCURACY)
    assert scored.filter(pl.col("observations") > 0)["wape"].is_not_null().all()
    assert scored["date"].max() == LAST


def test_a_second_run_of_a_partition_gives_the_same_rows(complete: Workbench) -> None:
    part = day(2)
    changing = {"created_at", "run_id"}
    before = {table.name: rows(complete, table, part.first, part.next_day) for table in EVERYTHING}
    complete.run(part, "raw_workload_metrics", "workload_metrics", "quarantined_metrics", "workload_features")
    complete.run(part, "demand_forecast", "drift_report", "scaling_recommendations", "cost_report", "forecast_accuracy")
    for table in EVERYTHING:
        again = rows(complete, table, part.first, part.next_day)
        kept = [name for name in again.columns if name not in changing]
        assert_frame_equal(again.select(kept), before[table.name].select(kept))


def test_a_second_run_of_the_whole_graph_finds_everything_there(complete: Workbench) -> None:
    runs = complete.instance.get_runs_count()
    Graph(complete.materializer, ["seasonal_naive_model", "lightgbm_model"]).run(Plan.of(complete.source))
    assert complete.instance.get_runs_count() == runs


def test_an_old_partition_is_forecast_by_the_champion_of_its_own_day(complete: Workbench) -> None:
    first = Plan.of(complete.source).trainings[0].last
    version = complete.platform.warehouse.champion_as_of(CLUSTER, first)["model_version"].to_list()
    part = Slice(CLUSTER, first, first)
    complete.run(part, "demand_forecast")
    assert set(rows(complete, FORECASTS, first, part.next_day)["model_version"]) <= set(version)


def test_every_drift_check_was_evaluated(complete: Workbench) -> None:
    for name in DRIFT_CHECKS:
        keys = [key for key in complete.graph.asset_layer.asset_graph.asset_check_keys if key.name == name]
        assert len(keys) == 1
