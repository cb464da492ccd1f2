"""The tuning of a cluster as of a day: family after family, from the first trial to the verdict."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.search_space import SEARCH_SPACES
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.training import TrainingSettings, data_version
from cloud_optimizer.core.tuning import Objective, TuningSettings, TuningWindows, tuning_verdict, tuning_windows
from cloud_optimizer.core.tuning.choice import TUNED_SCHEMA
from cloud_optimizer.resources.model_registry import ModelRegistry, RunKey
from cloud_optimizer.resources.tuning.search import ERROR
from cloud_optimizer.resources.tuning.searches import Searches
from cloud_optimizer.resources.tuning.tracking import TrialLog

NOT_WHAT_IS_SCORED: Final = {"families", "trials", "time_box", "attempts", "heartbeat_seconds", "grace_seconds"}


@dataclass(frozen=True)
class Tuner:
    """Tunes families on panels.

    Args:
        searches: Where trials are kept.
        registry: Where they are logged, each a run nested under the run of the tuning.
        tuning: What is searched and for how long.
        training: Which days judge the models of the day: no trial sees them.
        forecast: What is forecast.
        clock: Seconds of a steady clock.
    """

    searches: Searches
    registry: ModelRegistry
    tuning: TuningSettings
    training: TrainingSettings
    forecast: ForecastSettings
    clock: Callable[[], float] = time.monotonic

    def tune(self, panel: Panel, key: RunKey) -> tuple[pl.DataFrame, list[str]]:
        """Tune every family, each with its share of the time that is left; the same again goes on with its trials.

        Returns:
            Rows of `TUNED_SCHEMA`, and notes on families without a result.

        Raises:
            InputError: There is too little history.
        """
        windows, version = tuning_windows(panel, self.training, self.tuning), data_version(panel)
        deadline = self.clock() + self.tuning.time_box.total_seconds()
        rows, notes = [], []
        with self.registry.run(key) as run_id:
            tags = {"cloud_optimizer.data_version": version}
            self.registry.log_values(run_id, self.tuning.model_dump(), {}, tags)
            for position, family in enumerate(self.tuning.families):
                seconds = (deadline - self.clock()) / (len(self.tuning.families) - position)
                row = self._tune_family(family, windows, key, run_id, version, seconds)
                if "error" in row:
                    notes.append(f"{family} is not tuned: no trial was scored on every window. {row['error']}")
                else:
                    rows.append(row)
            metrics = {f"{row['family']}.{name}": row[name] for row in rows for name in ("search_loss", "trials")}
            self.registry.log_values(run_id, {}, metrics, {})
        return pl.DataFrame(rows, schema=TUNED_SCHEMA), notes

    def _tune_family(
        self, family: str, windows: TuningWindows, key: RunKey, run_id: str, version: str, seconds: float
    ) -> dict[str, Any]:
        """Search; then the best trial and the defaults meet on the days that no trial saw."""
        objective, log = Objective(family, windows, self.forecast), TrialLog(self.registry, run_id, family)
        name = study_name(key, family, version, self)
        with self.searches.open(name, SEARCH_SPACES[family], self.tuning) as search:
            search.work(objective, seconds, log, self.clock)
            log(search.trials)
            best = search.best()
            if best is None:
                errors = [trial.user_attrs[ERROR] for trial in search.trials if ERROR in trial.user_attrs]
                return {"error": errors[-1] if errors else "The time was over."}
        confirmed = objective.confirm(best.parameters) if best.loss < 1 else None
        verdict = tuning_verdict(best.parameters, best.loss, confirmed, self.tuning)
        return {
            "cluster": key.cluster,
            "date": key.date,
            "family": family,
            "parameters": json.dumps(dict(best.parameters)),
            "adopted": verdict.adopted,
            "reason": verdict.reason,
            "search_loss": verdict.search_loss,
            "confirmation_loss": verdict.confirmation_loss,
            "trials": best.finished,
            "study": name,
            "data_version": version,
            "mlflow_run": run_id,
        }


def study_name(key: RunKey, family: str, version: str, tuner: Tuner) -> str:
    """Name the study of a family: trials are comparable, and gone on with, on equal data and settings only."""
    scored = [tuner.tuning.model_dump_json(exclude=NOT_WHAT_IS_SCORED), tuner.forecast.model_dump_json()]
    told = repr((version, scored, tuner.training.evaluation_days, sorted(SEARCH_SPACES[family].items())))
    return f"{key.cluster}/{family}/{key.date}/{hashlib.sha256(told.encode()).hexdigest()[:16]}"
