"""Column lineage names columns that exist, on both sides, and follows a recommendation back to what was measured."""

from functools import cache

import pytest
from dagster import AssetKey

from cloud_optimizer.assets.lineage import LINEAGE
from cloud_optimizer.definitions import defs


@cache
def columns(asset: str) -> frozenset[str]:
    """Return the columns that an asset states."""
    schema = defs.resolve_asset_graph().get(AssetKey(asset)).metadata["dagster/column_schema"]
    return frozenset(column.name for column in schema.columns)


@pytest.mark.parametrize("asset", LINEAGE)
def test_every_column_of_a_lineage_exists_where_it_is_said_to_be(asset: str) -> None:
    for column, sources in LINEAGE[asset].deps_by_column.items():
        assert column in columns(asset)
        assert sources
        for source in sources:
            assert source.column_name in columns(source.asset_key.to_user_string())


def measured(asset: str, column: str) -> set[str]:
    """Return the raw columns that a column comes from."""
    if asset not in LINEAGE:
        return {column}
    found = LINEAGE[asset].deps_by_column.get(column, [])
    return set().union(*(measured(dep.asset_key.to_user_string(), dep.column_name) for dep in found))


def test_a_recommendation_comes_from_what_was_measured_of_its_resource() -> None:
    sources = measured("scaling_recommendations", "current_cpu_cores")
    assert {"cpu_usage_cores", "cpu_capacity_cores"} <= sources
    assert "memory_usage_bytes" not in sources
    assert "cpu_usage_cores" in measured("cost_report", "monthly_saving")
