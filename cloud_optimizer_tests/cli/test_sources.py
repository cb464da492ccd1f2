"""Which telemetry a command works on: checked as a whole, then remembered; a refused one leaves nothing."""

import io
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from cloud_optimizer.cli.sources import register_source
from cloud_optimizer.connections import Platform
from cloud_optimizer.core.clock import utc_now
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.telemetry.catalog import RegisteredSource, SourceAccess, SourceCatalog
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.resources.warehouse.dimensions import read_workloads
from cloud_optimizer.settings import Settings, recorded_first_day
from cloud_optimizer_tests.cli.tidy import START, write_trace


@dataclass(frozen=True)
class Place:
    """What registering uses of a platform."""

    settings: Settings
    telemetry: SourceCatalog
    warehouse: Warehouse


@pytest.fixture
def place(warehouse_url: str, tmp_path: Path) -> Place:
    settings = Settings(home=tmp_path / "home")
    catalog = SourceCatalog(warehouse_url, SourceAccess(tmp_path / "spool"))
    return Place(settings, catalog, Warehouse(warehouse_url))


def register(
    place: Place, trace: Path | None = None, cluster: str | None = None, source: Path | None = None
) -> tuple[RegisteredSource, ...]:
    quiet = Console(file=io.StringIO())
    return register_source(cast(Platform, place), trace, cluster, quiet, source)


def refusal(place: Place, **arguments: Any) -> str:
    with pytest.raises(InputError) as caught:
        register(place, **arguments)
    assert place.telemetry.entries() == ()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def yaml(folder: Path, text: str) -> Path:
    path = folder / "source.yaml"
    path.write_text(text)
    return path


def test_a_trace_is_remembered_under_its_name_and_moves_the_first_partition(place: Place, tmp_path: Path) -> None:
    path = write_trace(tmp_path / "shop.parquet", days=3, workloads=1)
    (entry,) = register(place, trace=path)
    assert (entry.cluster, entry.kind, entry.options["path"]) == ("shop", "trace", str(path))
    assert (entry.first_sample, entry.end_sample) == (START, START + timedelta(days=3))
    assert recorded_first_day(place.settings.home) == START.date()


def test_a_cluster_may_be_named(place: Place, tmp_path: Path) -> None:
    path = write_trace(tmp_path / "shop.parquet", days=2, workloads=1)
    assert [entry.cluster for entry in register(place, trace=path, cluster="web eu")] == ["web eu"]


def test_a_relative_path_is_remembered_as_an_absolute_one(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_trace(tmp_path / "shop.parquet", days=2, workloads=1)
    monkeypatch.chdir(tmp_path)
    (entry,) = register(place, trace=Path("shop.parquet"))
    assert entry.options["path"] == str(tmp_path / "shop.parquet")


def test_the_simulated_fleet_ends_yesterday_and_is_kept_once_it_is_there(place: Place) -> None:
    first = register(place)
    assert [entry.cluster for entry in first] == ["web-prod", "batch-prod"]
    days = {(entry.end_sample - entry.first_sample).days for entry in first}
    assert days == {60}
    assert {entry.end_sample.date() for entry in first} <= {utc_now().date(), utc_now().date() - timedelta(days=1)}
    assert {entry.cluster: entry for entry in register(place)} == {entry.cluster: entry for entry in first}


def test_the_simulated_fleet_says_who_owns_what(place: Place) -> None:
    (first, _) = register(place)
    known = read_workloads(place.warehouse, "web-prod", first.first_sample)
    assert known.filter(workload_id="checkout").select("service", "owner", "slo_class").rows() == [
        ("checkout", "commerce", "critical")
    ]
    assert known["owner"].null_count() == 0


def test_a_description_names_the_kind_and_its_options(place: Place, tmp_path: Path) -> None:
    write_trace(tmp_path / "shop.parquet", days=2, workloads=1)
    (entry,) = register(place, source=yaml(tmp_path, "kind: trace\npath: shop.parquet\ncluster: web\n"))
    assert (entry.cluster, entry.kind) == ("web", "trace")
    assert entry.options["path"] == str(tmp_path / "shop.parquet")  # beside the description, wherever we stand


def test_dates_of_a_description_are_stored_as_text(place: Place, tmp_path: Path) -> None:
    text = "kind: simulator\nclusters: [a]\nworkloads_per_cluster: 1\nstart: 2026-03-02\ndays: 2\n"
    (entry,) = register(place, source=yaml(tmp_path, text))
    assert entry.options["start"] == "2026-03-02"
    assert entry.first_sample.date() == date(2026, 3, 2)


def test_two_sources_or_a_name_without_a_trace_are_refused(place: Place, tmp_path: Path) -> None:
    assert "give one of them" in refusal(place, trace=tmp_path / "a", source=tmp_path / "b")
    assert "give --trace FILE with it" in refusal(place, cluster="web")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n- b\n", "has no `kind`"),
        ("kind: [", "is not YAML"),
        ("kind: statsd\n", "telemetry source statsd is not known"),
        ("kind: trace\n", "trace source cannot use path"),
        ("kind: simulator\ndays: 0\n", "simulator source cannot use days"),
    ],
)
def test_a_description_that_cannot_be_used_is_refused(place: Place, tmp_path: Path, text: str, words: str) -> None:
    assert words in refusal(place, source=yaml(tmp_path, text))


def test_a_description_that_is_not_there_is_named(place: Place, tmp_path: Path) -> None:
    assert "nowhere.yaml cannot be read" in refusal(place, source=tmp_path / "nowhere.yaml")


def test_a_name_that_partitions_cannot_have_is_refused_before_anything_is_remembered(
    place: Place, tmp_path: Path
) -> None:
    path = write_trace(tmp_path / "shop.parquet", days=2, workloads=1)
    assert "contains '|'" in refusal(place, trace=path, cluster="web|eu")
    assert not place.settings.home.exists()
