"""The direct global forecaster: one quantile regressor per target over the design matrix of all workloads."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import DAY, QUANTILE_LEVELS, TARGETS_BY_NAME
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.calibration import MEDIAN, Calibration, expanded, level_offsets, rearranged
from cloud_optimizer.core.forecasting.contract import ForecastSettings, QuantileForecast
from cloud_optimizer.core.forecasting.design import Design, build_design, feature_names
from cloud_optimizer.core.forecasting.examples import Examples, build_examples, learned_part, training_origins
from cloud_optimizer.core.forecasting.fallback import silent, stand_in, too_short
from cloud_optimizer.core.forecasting.history import Positions, origin_position
from cloud_optimizer.core.forecasting.regressor import Parameters, QuantileRegressor, shares
from cloud_optimizer.core.forecasting.saved import read_description, write_description
from cloud_optimizer.core.panel import FloatArray, Panel

BATCH: Final = 512
"""Workloads forecast at once: bounds memory to about 30 MB a thread at six weeks of hours; larger is no faster."""


@dataclass(frozen=True)
class DirectForecaster:
    """A family that fits one regressor per target.

    Args:
        name: Name of the family.
        regressor: Its kind of quantile regressor.
        refit: Whether the kept regressor also learns from the calibration window. Trees gain by it; networks differ
            from fit to fit more than they gain, and their intervals then cover too little.
        guarded: Whether the base stands in as median on workloads where the learned one lost to it out of time.
        parameters: Hyper-parameters that replace the learner's defaults.
    """

    name: str
    regressor: type[QuantileRegressor]
    refit: bool = True
    guarded: bool = True
    parameters: Parameters = field(default_factory=dict)

    def fit(self, panel: Panel, settings: ForecastSettings) -> "FittedDirect":
        """Fit on origins before the calibration window, calibrate on it, then (`refit`) fit on everything."""
        origins = training_origins(panel, settings)
        early, late = calibration_split(origins, panel.length, settings)
        regressors, calibrations, calibrating = {}, {}, {}
        for target in settings.targets:
            examples = build_examples(panel, target, origins, settings)
            model = self._learned(examples.at(early), settings)
            calibrating[target] = model
            calibrations[target] = calibrate(model, examples.at(late), self.guarded, unseen=early[-1] < late[0])
            regressors[target] = self._learned(examples, settings) if self.refit else model
        return FittedDirect(self.name, settings, regressors, calibrations, calibrating)

    def load(self, folder: Path) -> "FittedDirect":
        """Read what `FittedDirect.save` wrote.

        Raises:
            InputError: It learned from other features than a design has now.
        """
        description = read_description(folder)
        settings = description.settings
        if description.features != feature_names(settings):
            raise InputError(f"The saved {self.name} model was trained on other features: train {self.name} again.")
        regressors = {target: self.regressor.load(folder, target) for target in settings.targets}
        calibrations = {target: Calibration.model_validate(state) for target, state in description.state.items()}
        return FittedDirect(self.name, settings, regressors, calibrations)

    def _learned(self, examples: Examples, settings: ForecastSettings) -> QuantileRegressor:
        return self.regressor.fit(examples, settings, self.parameters)


@dataclass(frozen=True)
class FittedDirect:
    """A fitted direct forecaster.

    Args:
        name: Name of the family.
        settings: What is forecast and how far.
        regressors: One a target.
        calibrations: One a target.
        calibrating: Regressors that had not seen the calibration window, one a target; empty for a loaded model.
    """

    name: str
    settings: ForecastSettings
    regressors: Mapping[str, QuantileRegressor]
    calibrations: Mapping[str, Calibration]
    calibrating: Mapping[str, QuantileRegressor] = field(default_factory=dict)

    @property
    def before_calibration(self) -> "FittedDirect":
        """The same with the regressors that had not seen the calibration window."""
        return replace(self, regressors=self.calibrating)

    def predict(self, panel: Panel, origin: datetime) -> QuantileForecast:
        """Forecast every workload, in batches of workloads and targets, `settings.threads` at a time."""
        count = len(panel.workload_ids)
        position = np.array([origin_position(panel, origin)])
        shape = (count, self.settings.horizon, len(QUANTILE_LEVELS))
        values = {target: np.empty(shape, dtype=np.float32) for target in self.settings.targets}
        short = np.zeros((len(values), count), dtype=np.bool_)

        def forecast(job: tuple[int, str, slice]) -> None:
            row, target, batch = job
            part = _columns_of(panel, target, batch)
            values[target][batch], short[row, batch] = self._predict_target(part, target, position)

        batches = [slice(first, first + BATCH) for first in range(0, count, BATCH)]
        jobs = [(row, target, batch) for row, target in enumerate(values) for batch in batches]
        with ThreadPoolExecutor(self.settings.threads) as pool:
            list(pool.map(forecast, jobs))
        return QuantileForecast(
            panel.workload_ids, origin, panel.step, self.name, values, np.asarray(short.any(axis=0))
        )

    def training_curve(self) -> dict[str, tuple[float, ...]]:
        """Return the loss by round or epoch of every target that has one; nothing for a loaded model."""
        return {target: regressor.curve for target, regressor in self.regressors.items() if regressor.curve}

    def feature_importance(self) -> dict[str, float]:
        """Return the mean share of each feature over the targets, in descending order; empty where none is defined."""
        shared = [regressor.importance() for regressor in self.regressors.values()]
        return shares({name: sum(target[name] for target in shared) for name in shared[0]})

    def save(self, folder: Path) -> None:
        """Write native files and the description with the features and the calibrations."""
        for target, regressor in self.regressors.items():
            regressor.save(folder, target)
        state = {target: calibration.model_dump() for target, calibration in self.calibrations.items()}
        write_description(folder, self.name, self.settings, feature_names(self.settings), state)

    def _predict_target(self, panel: Panel, target: str, position: Positions) -> tuple[FloatArray, NDArray[np.bool_]]:
        design = build_design(panel, target, position, self.settings)
        residual = calibrated(predicted_residuals(self.regressors[target], design), design, self.calibrations[target])
        quantiles = design.demand(residual)[:, 0]
        demand = panel[TARGETS_BY_NAME[target].column]
        short = too_short(design.observed[:, 0], self.settings) | silent(demand, int(position[0]), self.settings)
        quantiles[short] = stand_in(demand[short], int(position[0]), self.settings)
        return quantiles, short


def calibration_split(origins: Positions, length: int, settings: ForecastSettings) -> tuple[Positions, Positions]:
    """Return which origins the calibrating fit learns from and which calibrate it, as positions in `origins`.

    Those of the last `calibration_days` calibrate, of a short history its newest half at most; none of their horizons
    overlaps one that is learned from. A single origin has to do both.
    """
    newest = np.count_nonzero(origins >= length - settings.calibration_days * DAY // settings.step)
    held_out = max(min(int(newest), len(origins) // 2), 1)
    late = np.arange(len(origins))[-held_out:]
    early = np.flatnonzero(origins + settings.horizon <= origins[late[0]])
    return (early if len(early) else late), late


def calibration_examples(panel: Panel, target: str, settings: ForecastSettings) -> tuple[Examples, bool]:
    """Return what calibrates a fit on the panel, and whether its calibrating regressor has not seen it."""
    origins = training_origins(panel, settings)
    early, late = calibration_split(origins, panel.length, settings)
    part = learned_part(panel, len(origins), settings)
    return build_examples(part, target, origins[late], settings), bool(early[-1] < late[0])


def _columns_of(panel: Panel, target: str, batch: slice) -> Panel:
    """Return what forecasts one target of a batch of workloads, as views."""
    columns = (TARGETS_BY_NAME[target].column, TARGETS_BY_NAME[target].capacity_column)
    return Panel(panel.workload_ids[batch], panel.start, panel.step, {name: panel[name][batch] for name in columns})


def predicted_residuals(regressor: QuantileRegressor, design: Design) -> FloatArray:
    """Return all levels of the residual, shape [n, k, H, levels]."""
    return expanded(regressor.predict(design))


def calibrate(regressor: QuantileRegressor, examples: Examples, guarded: bool, unseen: bool = True) -> Calibration:
    """Return the calibration of a regressor on examples it has not seen; unguarded, every workload is trusted."""
    predicted = predicted_residuals(regressor, examples.design)
    known = ~np.isnan(examples.residual)
    windows = int(known.any(axis=-1).sum()) if unseen else 0
    offsets = level_offsets(predicted[known], examples.residual[known], windows)
    actual = examples.design.demand(examples.residual[..., None])
    medians = (predicted[..., MEDIAN, None], np.zeros_like(predicted[..., :1]))
    learned, base = (np.nansum(np.abs(examples.design.demand(m) - actual), axis=(1, 2, 3)) for m in medians)
    worse = np.flatnonzero((learned > base) & guarded)
    return Calibration(offsets=offsets.tolist(), distrusted=[examples.design.workload_ids[i] for i in worse])


def calibrated(residual: FloatArray, design: Design, calibration: Calibration) -> FloatArray:
    """Return residual quantiles shifted level by level, in order, with the base as median where that is distrusted."""
    shifted = rearranged(residual + np.asarray(calibration.offsets, dtype=np.float32))
    distrusted = np.isin(np.asarray(design.workload_ids, dtype=object), calibration.distrusted)
    kept = shifted[distrusted]
    kept[..., :MEDIAN] = np.minimum(kept[..., :MEDIAN], 0)
    kept[..., MEDIAN] = 0
    kept[..., MEDIAN + 1 :] = np.maximum(kept[..., MEDIAN + 1 :], 0)
    shifted[distrusted] = kept
    return shifted
