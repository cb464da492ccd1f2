"""What a trial of hyper-parameters is worth: its loss as a share of the defaults' loss on the same windows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from cloud_optimizer.core.evaluation.settings import BacktestSettings
from cloud_optimizer.core.forecasting.contract import Forecaster, ForecastSettings
from cloud_optimizer.core.forecasting.families import FORECASTERS, tuned
from cloud_optimizer.core.forecasting.regressor import Parameters
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.training import TrainingSettings, evaluate, evaluation_settings
from cloud_optimizer.core.tuning.windows import TuningWindows

RelativeLoss = Callable[[Parameters], Iterator[float]]
"""Yields after each window the mean so far: 0.97 is three per cent better than the defaults."""


@dataclass(frozen=True)
class Objective:
    """The relative loss of a family on the windows of a tuning.

    Each window is a rolling-origin evaluation of its own: a fit on what lies before it, then an origin a day. The loss
    is the weighted quantile loss; targets count alike, whatever their units.

    Args:
        family: Key of FORECASTERS.
        windows: What is scored.
        forecast: What is forecast, as in trainings.
    """

    family: str
    windows: TuningWindows
    forecast: ForecastSettings
    _kept: dict[int, Mapping[str, float]] = field(default_factory=dict, repr=False)

    def __call__(self, parameters: Parameters) -> Iterator[float]:
        """Yield the mean relative loss after each fold; what is not asked for is not computed.

        Raises:
            CloudOptimizerError: The family failed with these parameters.
            InputError: A parameter is not in the family's search space.
        """
        candidate, found = tuned(self.family, parameters), []
        for number, panel in enumerate(self.windows.folds):
            found.append(self._relative(candidate, panel, self._default_losses(number, panel)))
            yield float(np.mean(found))

    def confirm(self, parameters: Parameters) -> float:
        """Return the relative loss on the window that no trial saw."""
        last = len(self.windows.folds)
        panel = self.windows.confirmation
        return self._relative(tuned(self.family, parameters), panel, self._default_losses(last, panel))

    def _relative(self, candidate: Forecaster, panel: Panel, defaults: Mapping[str, float]) -> float:
        losses = self._losses(candidate, panel)
        ratios = [losses[target] / loss for target, loss in defaults.items() if loss > 0]
        return float(np.mean(ratios)) if ratios else 1.0  # demand that everybody forecasts exactly

    def _default_losses(self, number: int, panel: Panel) -> Mapping[str, float]:
        if number not in self._kept:
            self._kept[number] = self._losses(FORECASTERS[self.family](), panel)
        return self._kept[number]

    def _losses(self, forecaster: Forecaster, panel: Panel) -> Mapping[str, float]:
        result = evaluate(forecaster, panel, self._frame)
        return dict(result.summary.select("target", "wql").iter_rows())

    @cached_property
    def _frame(self) -> BacktestSettings:
        return evaluation_settings(TrainingSettings(evaluation_days=self.windows.days), self.forecast)
