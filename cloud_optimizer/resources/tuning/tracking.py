"""The trials of a study as runs in MLflow, nested under the run of their tuning."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from optuna.trial import FrozenTrial, TrialState

from cloud_optimizer.resources.model_registry import ModelRegistry
from cloud_optimizer.resources.model_registry.records import TAG_PREFIX
from cloud_optimizer.resources.tuning.search import ERROR

STATUS: Final = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "KILLED", TrialState.FAIL: "FAILED"}
"""How a trial ended, in MLflow's words: a pruned one was stopped on purpose."""


class TrialLog:
    """Logs every finished trial of a study once, whichever process ran it.

    Args:
        registry: MLflow.
        parent_run_id: Run under which the trials are nested.
        family: Whose hyper-parameters they are.
    """

    def __init__(self, registry: ModelRegistry, parent_run_id: str, family: str) -> None:
        self._registry = registry
        self._parent = parent_run_id
        self._family = family
        self._logged: set[int] = set()

    def __call__(self, trials: Sequence[FrozenTrial]) -> None:
        """Log those of the trials that are finished and were not logged before."""
        for trial in trials:
            if trial.state in STATUS and trial.number not in self._logged:
                self._log(trial)
                self._logged.add(trial.number)

    def _log(self, trial: FrozenTrial) -> None:
        from mlflow.entities import Metric, Param, RunTag

        client: Any = self._registry.client
        tags = {
            "mlflow.parentRunId": self._parent,
            TAG_PREFIX + "family": self._family,
            TAG_PREFIX + "trial": str(trial.number),
            TAG_PREFIX + "state": trial.state.name,
        }
        if ERROR in trial.user_attrs:
            tags[TAG_PREFIX + "error"] = trial.user_attrs[ERROR]
        started, ended = (_milliseconds(when) for when in (trial.datetime_start, trial.datetime_complete))
        experiment = client.get_run(self._parent).info.experiment_id
        name = f"{self._family} trial {trial.number}"
        run_id = client.create_run(experiment, start_time=started, run_name=name).info.run_id
        losses = {**trial.intermediate_values}
        metrics = [Metric("relative_loss", value, ended, step) for step, value in losses.items()]
        params = [Param(key, str(value)) for key, value in trial.params.items()]
        client.log_batch(run_id, metrics=metrics, params=params, tags=[RunTag(*tag) for tag in tags.items()])
        client.set_terminated(run_id, status=STATUS[trial.state], end_time=ended)


def _milliseconds(when: datetime | None) -> int:
    """Optuna keeps local times without a zone."""
    return int(when.timestamp() * 1000) if when else time.time_ns() // 1_000_000
