"""Fits that are kept beside the model of their run, of which a blend is made: by folder of the run's artifacts."""

import tempfile
from pathlib import Path
from typing import Final

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.contract import FittedForecaster
from cloud_optimizer.core.forecasting.families import load_fitted
from cloud_optimizer.resources.model_registry.native_model import Savable
from cloud_optimizer.resources.model_registry.records import LoggedModel
from cloud_optimizer.resources.model_registry.registry import ModelRegistry
from cloud_optimizer.resources.postgres.connection import is_service_lost

CALIBRATING: Final = "calibrating"
"""The model before it learned from the window that calibrates it."""

EVALUATED: Final = "evaluated"
"""The fit that was evaluated: it saw nothing of the held-out days."""

EVALUATED_CALIBRATING: Final = "evaluated_calibrating"
"""The evaluated fit before it learned from the window that calibrates it."""

KEPT: Final = (CALIBRATING, EVALUATED, EVALUATED_CALIBRATING)


def log_fit(registry: ModelRegistry, run_id: str, fitted: Savable, kept_as: str) -> None:
    """Keep a fit in its native files in a folder of the run's artifacts."""
    with tempfile.TemporaryDirectory() as folder:
        fitted.save(Path(folder))
        registry.client.log_artifacts(run_id, folder, kept_as)


def load_fit(registry: ModelRegistry, model: LoggedModel, kept_as: str) -> FittedForecaster:
    """Read what `log_fit` kept beside a model.

    Raises:
        InputError: Nothing was kept, or it is gone.
    """
    from mlflow.exceptions import MlflowException

    try:
        folder = registry.download(f"{registry.client.get_run(model.run_id).info.artifact_uri}/{kept_as}")
    except MlflowException as error:
        if is_service_lost(error):
            raise  # not gone: the step asks again in a while
        raise InputError(
            f"The {kept_as} fit of model {model.model_id} is not there: train {model.family} again."
        ) from error
    return load_fitted(folder)
