"""Champions of past days: each model is read once, and a slice is cut where a champion changes."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, cast

import polars as pl
import pytest

from cloud_optimizer.assets.loaded_champions import LoadedChampions
from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.partitions import Slice
from cloud_optimizer.resources.model_registry import ModelRegistry
from cloud_optimizer.resources.warehouse import Warehouse

FIRST = date(2026, 3, 1)


def day(offset: int) -> date:
    return FIRST + timedelta(days=offset)


@dataclass
class Choices:
    """Stands for the warehouse: day to versions of (cpu, memory) chosen on it, in force until the next choice."""

    chosen: dict[date, tuple[str, str]]

    def champion_as_of(self, cluster: str, asked: date) -> pl.DataFrame:
        assert cluster == "web"
        before = [when for when in self.chosen if when <= asked]
        if not before:
            return pl.DataFrame()
        when = max(before)
        rows = zip(("cpu", "memory"), self.chosen[when], (0, 1), strict=True)
        return pl.DataFrame(
            [
                {"resource": resource, "model_version": version, "trained_until": when - timedelta(days=older)}
                for resource, version, older in rows
            ]
        )


@dataclass
class Registry:
    """Stands for the model registry: a model is its name and version."""

    loads: Counter[tuple[str, str]] = field(default_factory=Counter)

    def load(self, name: str, version: str) -> str:
        self.loads[name, version] += 1
        return f"{name} {version}"


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def champions(registry: Registry) -> LoadedChampions:
    choices = Choices({day(0): ("1", "1"), day(3): ("2", "1"), day(4): ("2", "1")})
    return LoadedChampions("web", cast(Warehouse, choices), cast(ModelRegistry, registry))


def test_a_day_is_served_by_the_champions_of_its_own_time(champions: LoadedChampions) -> None:
    found: Any = champions.of(day(2))
    assert {resource: version for resource, (_, version) in found.items()} == {"cpu": "1", "memory": "1"}
    assert {resource: version for resource, (_, version) in champions.of(day(3)).items()} == {"cpu": "2", "memory": "1"}


def test_a_model_that_serves_several_days_is_read_once(champions: LoadedChampions, registry: Registry) -> None:
    for offset in range(5):
        champions.of(day(offset))
    assert len(registry.loads) == 3  # cpu 1, cpu 2, memory 1
    assert set(registry.loads.values()) == {1}


def test_models_of_the_two_resources_are_told_apart(champions: LoadedChampions) -> None:
    fitted: Any = {resource: model for resource, (model, _) in champions.of(day(0)).items()}
    assert fitted["cpu"] != fitted["memory"]


def test_a_slice_is_cut_where_a_champion_changes_and_not_where_it_is_confirmed(champions: LoadedChampions) -> None:
    spells = champions.spells(Slice("web", day(1), day(6)))
    assert spells == [Slice("web", day(1), day(2)), Slice("web", day(3), day(6))]


def test_the_reference_ends_where_every_champion_had_learned(champions: LoadedChampions) -> None:
    assert champions.trained_until(day(4)) == day(3)  # memory learned a day less


def test_before_the_first_choice_the_sentence_says_what_to_materialize(champions: LoadedChampions) -> None:
    with pytest.raises(CloudOptimizerError, match="No champion was chosen for cluster web by 2026-02-28: materialize"):
        champions.of(day(-1))
