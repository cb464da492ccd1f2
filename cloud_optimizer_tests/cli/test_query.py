"""`explain`: the stored words of a workload's newest recommendation; `query`: answers at the settings' prices."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result
from typer.testing import CliRunner

from cloud_optimizer.cli.main import app
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.warehouse import HOURS, RECOMMENDATIONS, Warehouse
from cloud_optimizer.settings import load_settings
from cloud_optimizer_tests.resources.warehouse.frames import rows
from cloud_optimizer_tests.resources.warehouse.query_rows import hours, put

DAY = date(2025, 3, 1)


@pytest.fixture(autouse=True)
def _on_this_database(warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CLOUD_OPTIMIZER_HOME", str(tmp_path))
    monkeypatch.setenv("CLOUD_OPTIMIZER_DATABASE_URL", warehouse.url)
    load_settings.cache_clear()
    for cluster in ("shop", "bank"):
        words = rows(RECOMMENDATIONS, cluster, DAY, days=2).with_columns(
            explanation=pl.format("{} needs less since {}.", "workload_id", "date")
        )
        warehouse.replace(cluster, DAY, DAY + timedelta(days=2), {RECOMMENDATIONS: words})
    yield
    load_settings.cache_clear()


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["explain", *arguments])


def test_the_newest_recommendation_is_told_for_every_cluster_that_has_such_a_workload() -> None:
    both = explain("w0")
    assert both.output == (
        "bank / w0, 2025-03-02\n\nw0 needs less since 2025-03-02.\n\n"
        "shop / w0, 2025-03-02\n\nw0 needs less since 2025-03-02.\n\n"
    )
    assert explain("w0", "--cluster", "shop").output == both.output[both.output.index("shop") :]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("w",), "There is no recommendation for workload w: did you mean w0 or w1?"),
        (("db",), "There is no recommendation for workload db: `cloud-optimizer export` lists all that there are."),
        (("w0", "--cluster", "shpo"), "There is no cluster shpo: did you mean shop?"),
    ],
)
def test_a_name_that_is_not_known_is_answered_with_near_ones(arguments: tuple[str, ...], sentence: str) -> None:
    refused = explain(*arguments)
    assert isinstance(refused.exception, InputError)
    assert str(refused.exception) == sentence


@pytest.mark.parametrize("name", ["top_waste", "cost_by_owner"])
def test_what_nobody_gave_a_price_costs_what_the_settings_say_unless_one_is_given(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for setting, value in {"CORE_HOUR": "0.5", "GIB_HOUR": "0.00001", "CURRENCY": "EUR"}.items():
        monkeypatch.setenv(f"CLOUD_OPTIMIZER_RECOMMENDATION__PRICES__{setting}", value)
    load_settings.cache_clear()
    put(warehouse, {HOURS: hours("a", 24, lambda _: 1.0)}, days=1)

    def answer(*given: str) -> list[dict[str, object]]:
        return json.loads(CliRunner().invoke(app, ["query", name, "--format", "json", *given]).output)

    (told,), (asked,) = answer(), answer("--set", "currency=JPY", "--set", "core_hour=0.5", "--set", "gib_hour=0.00001")
    assert (told.pop("currency"), asked.pop("currency")) == ("EUR", "JPY")
    assert told == asked
