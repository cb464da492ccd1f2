"""Addresses of the three databases."""

from pathlib import Path

import pytest

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.postgres import database_urls


def test_a_named_server_keeps_every_part_but_the_database() -> None:
    urls = database_urls(Path("/nowhere"), "postgresql://me:p%40ss@db.example:6543/fleet?sslmode=require")
    assert urls.warehouse == "postgresql://me:p%40ss@db.example:6543/fleet?sslmode=require"
    assert urls.dagster == "postgresql+psycopg2://me:p%40ss@db.example:6543/dagster?sslmode=require"
    assert urls.mlflow == "postgresql+psycopg2://me:p%40ss@db.example:6543/mlflow?sslmode=require"
    assert urls.registry == "postgresql+psycopg://me:p%40ss@db.example:6543/fleet?sslmode=require"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql+psycopg2", "postgresql+psycopg"])
def test_other_spellings_of_the_scheme_mean_the_same_server(scheme: str) -> None:
    assert database_urls(Path("/nowhere"), f"{scheme}://db/x").warehouse == "postgresql://db/x"


@pytest.mark.parametrize(
    "url", ["", "mysql://db/x", "postgresql://db", "postgresql://db/", "db/x", "postgresql://a%zz@db/x"]
)
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InputError, match="CLOUD_OPTIMIZER_DATABASE_URL") as caught:
        database_urls(Path("/nowhere"), url)
    assert "%zz" not in str(caught.value)
