"""Optuna's storage: tables in the schema `tuning` of the warehouse's database."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import optuna

SCHEMA: Final = "tuning"


@contextmanager
def pinned_experiments() -> Iterator[None]:
    """Use what Optuna marks as experimental without its warnings: versions are pinned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def open_storage(url: str, heartbeat_seconds: int, grace_seconds: int) -> Any:
    """Return Optuna's storage; first use creates its tables.

    Args:
        url: Database for SQLAlchemy.
        heartbeat_seconds: How often workers say that they live.
        grace_seconds: Silence after which a worker's trial is lost.
    """
    options = {"pool_pre_ping": True, "connect_args": {"options": f"-c search_path={SCHEMA}"}}
    with pinned_experiments():
        return optuna.storages.RDBStorage(
            url, engine_kwargs=options, heartbeat_interval=heartbeat_seconds, grace_period=grace_seconds
        )
