"""Champions of past days, loaded from the registry: what forecasts and drift reports ask."""

from datetime import date
from itertools import groupby
from typing import Any

from cloud_optimizer.core.contracts import Resource
from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.core.forecasting.contract import FittedForecaster
from cloud_optimizer.partitions import Slice
from cloud_optimizer.resources.model_registry import ModelRegistry, registered_name
from cloud_optimizer.resources.warehouse import Warehouse


class LoadedChampions:
    """The champions of one cluster; a model that serves several days is read once."""

    def __init__(self, cluster: str, warehouse: Warehouse, registry: ModelRegistry) -> None:
        self._cluster, self._warehouse, self._registry = cluster, warehouse, registry
        self._loaded: dict[tuple[Resource, str], FittedForecaster] = {}

    def choices(self, day: date) -> list[dict[str, Any]]:
        """Return the rows of `CHAMPION_SCHEMA` in force at the end of a day.

        Raises:
            CloudOptimizerError: No champion had been chosen by then.
        """
        rows = self._warehouse.champion_as_of(self._cluster, day).to_dicts()
        if not rows:
            raise CloudOptimizerError(
                f"No champion was chosen for cluster {self._cluster} by {day}: materialize champion_model of that day"
                " or an earlier one first."
            )
        return rows

    def of(self, day: date) -> dict[Resource, tuple[FittedForecaster, str]]:
        """Return resource to model and version, as of the end of a day."""
        chosen = ((row["resource"], row["model_version"]) for row in self.choices(day))
        return {resource: (self._load(resource, version), version) for resource, version in chosen}

    def trained_until(self, day: date) -> date:
        """Return the last day that every champion in force at the end of a day was trained on."""
        return min(row["trained_until"] for row in self.choices(day))

    def spells(self, part: Slice) -> list[Slice]:
        """Cut a slice where a champion of any resource changes."""
        days = [
            (day, sorted((row["resource"], row["model_version"]) for row in self.choices(day))) for day in part.days
        ]
        groups = [list(group) for _, group in groupby(days, key=lambda item: item[1])]
        return [Slice(part.cluster, group[0][0], group[-1][0]) for group in groups]

    def _load(self, resource: Resource, version: str) -> FittedForecaster:
        if (resource, version) not in self._loaded:
            name = registered_name(self._cluster, resource)
            self._loaded[resource, version] = self._registry.load(name, version)
        return self._loaded[resource, version]
