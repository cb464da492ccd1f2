"""The direct global forecaster: one quantile regressor per target over the design matrix of all workloads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import DAY, QUANTILE_LEVELS
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.calibration import expanded, level_offsets, rearranged
from cloud_optimizer.core.forecasting.contract import ForecastSettings, QuantileForecast
from cloud_optimizer.core.forecasting.design import Design, build_design, residual_target
from cloud_optimizer.core.forecasting.fallback import history_quantiles, too_short
from cloud_optimizer.core.forecasting.history import Positions, known_mean, origin_position
from cloud_optimizer.core.forecasting.regressor import QuantileRegressor
from cloud_optimizer.core.forecasting.saved import read_description, write_description
from cloud_optimizer.core.panel import FloatArray, Panel

BATCH: Final = 2048
"""Workloads predicted at once: bounds memory (about 15 MB a hundred workloads at 28 days of hours)."""

MAXIMUM_ROWS: Final = 400_000
"""Training rows kept per target; a larger fleet is sampled by origin."""


@dataclass(frozen=True)
class DirectForecaster:
    """A family that fits one regressor per target.

    Args:
        name: Name of the family.
        regressor: Its kind of quantile regressor.
    """

    name: str
    regressor: type[QuantileRegressor]

    def fit(self, panel: Panel, settings: ForecastSettings) -> "FittedDirect":
        """Fit on origins before the calibration window, calibrate on it, then fit again on everything."""
        regressors, offsets = {}, {}
        for target in settings.targets:
            held_out = settings.calibration_days * DAY // settings.step
            early, late = _origins(panel, settings, held_out)
            model = self._fit_target(panel, target, early, settings)
            offsets[target] = _offsets(model, panel, target, late, settings)
            regressors[target] = self._fit_target(panel, target, np.concatenate([early, late]), settings)
        return FittedDirect(self.name, settings, regressors, offsets)

    def load(self, folder: Path) -> "FittedDirect":
        """Read what `FittedDirect.save` wrote."""
        description = read_description(folder)
        settings = description.settings
        regressors = {target: self.regressor.load(folder, target, settings) for target in settings.targets}
        offsets = {target: np.asarray(values) for target, values in description.state["offsets"].items()}
        return FittedDirect(self.name, settings, regressors, offsets)

    def _fit_target(
        self, panel: Panel, target: str, positions: Positions, settings: ForecastSettings
    ) -> QuantileRegressor:
        design = build_design(panel, target, positions, settings)
        residual = residual_target(panel, target, positions, design)
        weight = np.broadcast_to(_weight(design)[..., None], residual.shape)
        known = ~np.isnan(residual)
        return self.regressor.fit(design.features[known], residual[known], weight[known], design.names, settings)


@dataclass(frozen=True)
class FittedDirect:
    """A fitted direct forecaster.

    Args:
        name: Name of the family.
        settings: What is forecast and how far.
        regressors: One a target.
        offsets: Conformal shift of each level on the link scale, one array [levels] a target.
    """

    name: str
    settings: ForecastSettings
    regressors: Mapping[str, QuantileRegressor]
    offsets: Mapping[str, NDArray[np.float64]]

    def predict(self, panel: Panel, origin: datetime) -> QuantileForecast:
        """Forecast every workload, in batches of workloads."""
        count = len(panel.workload_ids)
        position = np.array([origin_position(panel, origin)])
        shape = (count, self.settings.horizon, len(QUANTILE_LEVELS))
        values = {target: np.empty(shape, dtype=np.float32) for target in self.settings.targets}
        fallback = np.zeros(count, dtype=np.bool_)
        for first in range(0, count, BATCH):
            batch = slice(first, min(first + BATCH, count))
            rows = panel.rows(np.arange(batch.start, batch.stop))
            for target in self.settings.targets:
                values[target][batch], short = self._predict_target(rows, target, position)
                fallback[batch] |= short
        return QuantileForecast(panel.workload_ids, origin, panel.step, self.name, values, fallback)

    def importance(self, target: str) -> dict[str, float]:
        """Return the share of the gain each feature brought to one target, in descending order."""
        return self.regressors[target].importance()

    def save(self, folder: Path) -> None:
        """Write native files and the description with the offsets."""
        for target, regressor in self.regressors.items():
            regressor.save(folder, target)
        offsets = {target: values.tolist() for target, values in self.offsets.items()}
        write_description(folder, self.name, self.settings, {"offsets": offsets})

    def _predict_target(self, panel: Panel, target: str, position: Positions) -> tuple[FloatArray, NDArray[np.bool_]]:
        design = build_design(panel, target, position, self.settings)
        residual = predicted_residuals(self.regressors[target], design) + self.offsets[target].astype(np.float32)
        quantiles = design.demand(rearranged(residual))[:, 0]
        history = design.history[:, 0]
        short = too_short(history, self.settings)
        quantiles[short] = history_quantiles(history[short], self.settings)
        return quantiles, short


def predicted_residuals(regressor: QuantileRegressor, design: Design) -> FloatArray:
    """Return all levels of the residual, shape [n, k, H, levels]."""
    rows = design.features.reshape(-1, len(design.names))
    return expanded(regressor.predict(rows)).reshape(*design.base.shape, -1)


def _offsets(
    model: QuantileRegressor, panel: Panel, target: str, positions: Positions, settings: ForecastSettings
) -> NDArray[np.float64]:
    design = build_design(panel, target, positions, settings)
    actual = residual_target(panel, target, positions, design)
    predicted = predicted_residuals(model, design)
    return level_offsets(predicted.reshape(-1, predicted.shape[-1]), actual.reshape(-1))


def _origins(panel: Panel, settings: ForecastSettings, held_out: int) -> tuple[Positions, Positions]:
    """Return training origins whose forecasts end before the held-out intervals, and origins inside those."""
    stride = min(settings.season, settings.horizon)
    newest = panel.length - settings.horizon
    everything = np.arange(newest, 7 * settings.season - 1, -stride)[::-1]
    if not len(everything):
        msg = f"{panel.length} intervals are too few to fit: a week and one horizon are needed"
        raise InputError(msg)
    early = everything[everything + settings.horizon <= panel.length - held_out]
    late = everything[everything >= panel.length - held_out]
    return (early, late) if len(early) else (everything, everything)


def _weight(design: Design) -> FloatArray:
    """Return the recent over the long-run level, shape [n, k]: a busy week counts as its share of the error."""
    long_run = known_mean(design.history)
    ratio = design.scale / np.where(long_run > 0, long_run, np.nan)
    return np.nan_to_num(np.clip(ratio, 0.05, 5), nan=1.0).astype(np.float32)
