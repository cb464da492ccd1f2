"""The fit that was evaluated, kept beside the model of its run: it saw nothing of the held-out days."""

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

FOLDER: Final = "evaluated"


def log_evaluated(registry: ModelRegistry, run_id: str, fitted: Savable) -> None:
    """Keep a fit in its native files as an artifact of the run."""
    with tempfile.TemporaryDirectory() as folder:
        fitted.save(Path(folder))
        registry.client.log_artifacts(run_id, folder, FOLDER)


def load_evaluated(registry: ModelRegistry, model: LoggedModel) -> FittedForecaster:
    """Read what `log_evaluated` kept beside a model.

    Raises:
        InputError: Nothing was kept, or it is gone.
    """
    from mlflow.exceptions import MlflowException

    try:
        folder = registry.download(f"{registry.client.get_run(model.run_id).info.artifact_uri}/{FOLDER}")
    except MlflowException as error:
        if is_service_lost(error):
            raise  # not gone: the step asks again in a while
        raise InputError(
            f"The evaluated fit of model {model.model_id} is not there: train {model.family} again."
        ) from error
    return load_fitted(folder)
