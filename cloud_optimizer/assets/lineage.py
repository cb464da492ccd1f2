"""Which columns each table is computed from, as the column lineage of the Dagster UI."""

from collections.abc import Mapping, Sequence
from typing import Final

from dagster import AssetKey, TableColumnDep, TableColumnLineage

from cloud_optimizer.core.contracts import (
    CLEAN_SCHEMA,
    FORECAST_SCHEMA,
    KEY_SCHEMA,
    MEASURES,
    QUANTILE_LEVELS,
    SAMPLE_SCHEMA,
    TARGETS,
    quantile_column,
)
from cloud_optimizer.core.costs.report import COST_REPORT_SCHEMA
from cloud_optimizer.core.features.registry import FEATURES
from cloud_optimizer.core.records import RECOMMENDATION_SCHEMA

Columns = Mapping[str, Sequence[tuple[str, str]]]
"""Column to the (asset, column) pairs it is computed from."""

QUANTILES: Final = tuple(quantile_column(level) for level in QUANTILE_LEVELS)
SIZE_MARKS: Final = ("recommended_", "lower_", "upper_", "uncapped_", "risk_", "projected_", "saving")
"""In the names of what follows from the forecast."""


def _same(columns: Sequence[str], asset: str) -> dict[str, list[tuple[str, str]]]:
    return {column: [(asset, column)] for column in columns}


def _clean() -> Columns:
    states = [("raw_workload_metrics", name) for name in ("timestamp", "cpu_capacity_cores", "memory_capacity_bytes")]
    counted = {"state": states, "sample_count": [("raw_workload_metrics", "timestamp")]}
    return _same([name for name in CLEAN_SCHEMA if name in SAMPLE_SCHEMA], "raw_workload_metrics") | counted


def _features() -> Columns:
    known: dict[str, list[tuple[str, str]]] = _same(list(KEY_SCHEMA), "workload_metrics")
    for spec in FEATURES:
        found = [pair for name in spec.sources if name != spec.name for pair in known.get(name, [])]
        known[spec.name] = sorted(set(found)) or [("workload_metrics", _measured(spec.name))]
    return known


def _measured(observation: str) -> str:
    """Return the column of the grid that an observation of an interval sums up."""
    return next((measure for measure in MEASURES if observation.startswith(measure)), "state")


def _forecast() -> Columns:
    demand = [("workload_features", target.column) for target in TARGETS]
    known = [name for name in FORECAST_SCHEMA if name in ("cluster", "workload_id")]
    return _same(known, "workload_features") | dict.fromkeys(QUANTILES, demand)


def _recommendations() -> Columns:
    columns: dict[str, list[tuple[str, str]]] = _same(["cluster", "workload_id"], "workload_metrics")
    for name in RECOMMENDATION_SCHEMA:
        about = [r for r in ("cpu", "memory") if r in name] or (["cpu", "memory"] if "monthly" in name else [])
        usage = [("workload_metrics", measure) for measure in MEASURES if measure.split("_")[0] in about]
        quantiles = [("demand_forecast", q) for q in QUANTILES] if any(mark in name for mark in SIZE_MARKS) else []
        if usage:
            columns[name] = usage + quantiles
    return columns


def _costs() -> Columns:
    from_advice = [name for name in COST_REPORT_SCHEMA if name in RECOMMENDATION_SCHEMA]
    worked = {
        "change_cost": ["effort"],
        "roi": ["monthly_saving", "effort"],
        "payback_days": ["monthly_saving", "effort"],
    }
    derived = {name: [("scaling_recommendations", source) for source in sources] for name, sources in worked.items()}
    return _same(from_advice, "scaling_recommendations") | derived


def _lineage(columns: Columns) -> TableColumnLineage:
    return TableColumnLineage(
        {
            column: [TableColumnDep(AssetKey(asset), name) for asset, name in sources]
            for column, sources in columns.items()
        }
    )


LINEAGE: Final[Mapping[str, TableColumnLineage]] = {
    "workload_metrics": _lineage(_clean()),
    "workload_features": _lineage(_features()),
    "demand_forecast": _lineage(_forecast()),
    "scaling_recommendations": _lineage(_recommendations()),
    "cost_report": _lineage(_costs()),
}
