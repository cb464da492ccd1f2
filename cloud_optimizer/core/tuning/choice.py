"""Which hyper-parameters a training uses: the newest tuning's where it may be used, else the defaults."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.contract import Forecaster
from cloud_optimizer.core.forecasting.families import FORECASTERS, tuned
from cloud_optimizer.core.forecasting.regressor import Parameters

TUNED_SCHEMA: Final = pl.Schema(
    {
        "cluster": pl.String(),
        "date": pl.Date(),  # nothing later than its end was looked at
        "family": pl.String(),
        "parameters": pl.String(),  # JSON: name to value, of the best trial
        "adopted": pl.Boolean(),  # false: the defaults stay
        "reason": pl.String(),
        "search_loss": pl.Float64(),  # share of the defaults' loss on the windows of the search
        "confirmation_loss": pl.Float64(),  # the same on later days that no trial saw
        "trials": pl.UInt32(),  # finished ones behind the choice
        "study": pl.String(),  # in Optuna's storage
        "data_version": pl.String(),
        "mlflow_run": pl.String(),  # parent of the trials' runs
    }
)
"""The outcome of a tuning, one row a family."""


@dataclass(frozen=True)
class Hyperparameters:
    """What a family is trained with.

    Args:
        family: Key of FORECASTERS.
        parameters: Empty for the defaults.
        source: Where they come from, in words.
        mlflow_run: Run that holds the trials; None for the defaults.
    """

    family: str
    parameters: Parameters
    source: str
    mlflow_run: str | None = None

    @property
    def forecaster(self) -> Forecaster:
        """The family with these hyper-parameters."""
        return tuned(self.family, self.parameters) if self.parameters else FORECASTERS[self.family]()

    @property
    def logged(self) -> dict[str, str]:
        """Parameters of a training's MLflow run that say which they were."""
        return {"hyperparameters": json.dumps(dict(self.parameters)), "hyperparameters_source": self.source}

    @property
    def tags(self) -> dict[str, str]:
        """Tags of a training's MLflow run that lead to the trials."""
        return {} if self.mlflow_run is None else {"cloud_optimizer.tuning_run": self.mlflow_run}


def chosen_hyperparameters(family: str, tuning: Mapping[str, Any] | None) -> Hyperparameters:
    """Return what a training of the family uses.

    Args:
        family: Key of FORECASTERS.
        tuning: Row of `TUNED_SCHEMA`: the family's newest tuning by the day of the training; None where there is none.
    """
    if tuning is None:
        return Hyperparameters(family, {}, "defaults: nothing was tuned")
    if not tuning["adopted"]:
        return Hyperparameters(family, {}, f"defaults: the tuning of {tuning['date']} did not beat them")
    parameters = json.loads(tuning["parameters"])
    try:
        tuned(family, parameters)
    except InputError as error:  # stored by a version of the program with other search spaces
        return Hyperparameters(family, {}, f"defaults: the tuning of {tuning['date']} does not fit: {error}")
    return Hyperparameters(family, parameters, f"tuning of {tuning['date']}", tuning["mlflow_run"])
