"""`explain`: the stored words of a workload's newest recommendation, and near names where there is none."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result
from typer.testing import CliRunner

from cloud_optimizer.cli.main import app
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.warehouse import RECOMMENDATIONS, Warehouse
from cloud_optimizer.settings import load_settings
from cloud_optimizer_tests.resources.warehouse.frames import rows

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
