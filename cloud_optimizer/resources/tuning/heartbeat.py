"""The sign of life of a worker while it runs a trial; Optuna's own is tied to `Study.optimize`."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import optuna
from sqlalchemy.exc import SQLAlchemyError


def record_heartbeat(study: optuna.Study, trial: optuna.Trial) -> None:
    """Say that the trial's worker lives now."""
    storage: Any = study._storage
    storage.record_heartbeat(trial._trial_id)


@contextmanager
def beating(study: optuna.Study, trial: optuna.Trial, seconds: float) -> Iterator[None]:
    """Record a heartbeat of the trial every so many seconds while the block runs."""
    done = threading.Event()
    thread = threading.Thread(target=_beat, args=(study, trial, seconds, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(study: optuna.Study, trial: optuna.Trial, seconds: float, done: threading.Event) -> None:
    while not done.wait(seconds):
        try:
            record_heartbeat(study, trial)
        except SQLAlchemyError:  # a database that is away for a moment: the next beat may reach it
            continue
