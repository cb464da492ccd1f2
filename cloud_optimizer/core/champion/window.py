"""From the losses that evaluations leave to the arrays that the gate compares."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from cloud_optimizer.core.champion.verdict import ChampionSettings, Contender
from cloud_optimizer.core.contracts import TARGETS, Resource
from cloud_optimizer.core.evaluation.metrics import Float64Array

CELL: Final = ("workload_id", "origin")
NAIVE: Final = "seasonal_naive"
INCUMBENT: Final[Mapping[Resource, str]] = {"cpu": "incumbent_cpu", "memory": "incumbent_memory"}
"""Name under which the losses of a resource's champion so far stand beside those of the candidates."""


def targets_of(resource: Resource) -> list[str]:
    """Return the targets that a resource is judged by."""
    return [target.name for target in TARGETS if target.resource == resource]


def contenders(
    losses: pl.DataFrame, resource: Resource, settings: ChampionSettings | None = None
) -> tuple[dict[str, Contender], Float64Array]:
    """Return every model's losses on the window, by name, and the demand, each of shape [n, days].

    The loss of a workload and day is its quantile score summed over the targets of the resource: all of them are in
    one unit. The decision cost is that of the peak, by which capacity is chosen, or of the mean where the source
    knows no peak. What a model did not forecast, or not for every target another model has, is NaN.

    Args:
        losses: Rows of core.evaluation.records.EVALUATION_SCHEMA of one cluster and day of comparison.
        resource: Which targets count.
        settings: Holds the price of shortage; none means the default.
    """
    price = (settings or ChampionSettings()).shortage_price
    rows = losses.filter(pl.col("target").is_in(targets_of(resource)), pl.col("count") > 0)
    sizing = (f"{resource}_peak", *targets_of(resource))
    sized_by = next((name for name in sizing if name in rows["target"]), sizing[0])
    cost = pl.col("provision") + price * pl.col("shortage")
    sums = rows.group_by("model", *CELL).agg(
        pl.col("quantile_score", "demand").sum(),
        cost.filter(pl.col("target") == sized_by).sum().alias("cost"),
        pl.col("target").n_unique().alias("targets"),
    )
    complete = sums.filter(pl.col("targets") == pl.col("targets").max().over(CELL)).sort("model", *CELL)
    workloads, origins = (rows[name].unique().sort() for name in CELL)
    demand = np.full((len(workloads), len(origins)), np.nan)
    found = {}
    for (model,), part in complete.partition_by("model", as_dict=True, maintain_order=True).items():
        place = workloads.search_sorted(part["workload_id"]), origins.search_sorted(part["origin"])
        scores, costs = np.full(demand.shape, np.nan), np.full(demand.shape, np.nan)
        scores[place], costs[place] = part["quantile_score"], part["cost"]
        demand[place] = part["demand"]
        found[str(model)] = Contender(str(model), scores, costs)
    return found, demand


def expected_wape(losses: pl.DataFrame, resource: Resource) -> float | None:
    """Return the WAPE of one model's losses over the targets of a resource: what monitoring expects of it."""
    rows = losses.filter(pl.col("target").is_in(targets_of(resource)))
    demand = float(rows["demand"].sum())
    return float(rows["absolute_error"].sum()) / demand if demand > 0 else None
