"""On which days hyper-parameters are searched and confirmed: never on those that judge the models of the day.

A panel of 60 days whose last 7 judge the candidates, with 3 folds of 7 days, is cut into

    days  0 .. 25  history of the first fit
         25 .. 46  folds 1 to 3, the search
         46 .. 53  confirmation: defaults and the best trial, once
         53 .. 60  left alone: the champion gate's window
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.training import TrainingSettings
from cloud_optimizer.core.tuning.settings import TuningSettings


@dataclass(frozen=True)
class TuningWindows:
    """Panels that end with the days they are scored on.

    Args:
        folds: In ascending order; the last `days` of each are scored, what lies before them is learned from.
        confirmation: The same, later than every fold.
        days: Scored days of each.
    """

    folds: tuple[Panel, ...]
    confirmation: Panel
    days: int


def tuning_windows(panel: Panel, training: TrainingSettings, settings: TuningSettings) -> TuningWindows:
    """Cut a training panel; where history is short, fewer folds are made.

    Raises:
        InputError: There is too little history for one fold and the confirmation.
    """
    end = panel.end - training.evaluation_days * DAY
    days = settings.fold_days
    spare = (end - panel.start) // DAY - settings.history_days
    count = min(settings.folds, spare // days - 1)
    if count < 1:
        asked = settings.history_days + 2 * days + training.evaluation_days
        raise InputError(
            f"{(panel.end - panel.start) / DAY:.1f} days of history are too few to tune on: {asked} are needed."
        )
    part = panel.rows(_sampled(len(panel.workload_ids), settings))
    ends = [end - back * days * DAY for back in range(count, -1, -1)]
    *folds, confirmation = (part.window(part.start, last) for last in ends)
    return TuningWindows(tuple(folds), confirmation, days)


_STREAM: Final = 7  # apart from other draws with the same seed


def _sampled(workloads: int, settings: TuningSettings) -> list[int]:
    random = np.random.default_rng((settings.seed, _STREAM))
    return sorted(random.permutation(workloads)[: settings.workloads].tolist())
