"""What a model learns from: the design at past origins and the residuals that followed."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.design import Design, build_design, residual_target
from cloud_optimizer.core.forecasting.history import Positions
from cloud_optimizer.core.panel import FloatArray, Panel

FIRST_SEASON: Final = 7
"""Seasons of history an origin needs to be learned from."""

MAXIMUM_ROWS: Final = 400_000
"""Rows learned from per target, so time and memory stay bounded: the newest origins, then a sample of workloads."""

FEWEST_ORIGINS: Final = 60
"""Origins that are kept before workloads are left out."""


@dataclass(frozen=True)
class Examples:
    """Designs of n workloads at k origins with what followed.

    Args:
        design: What was known.
        residual: What is learned, shape [n, k, H]; NaN where demand is unknown.
        weight: Shape [n, k].
    """

    design: Design
    residual: FloatArray
    weight: FloatArray

    def at(self, origins: NDArray[np.intp]) -> "Examples":
        """Return the examples of some of the origins."""
        return Examples(self.design.at(origins), self.residual[:, origins], self.weight[:, origins])

    def rows(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return features [rows, f], residuals [rows] and weights [rows] where demand is known."""
        known = ~np.isnan(self.residual)
        weight = np.broadcast_to(self.weight[..., None], known.shape)
        return self.design.features[known], self.residual[known], weight[known]


def build_examples(panel: Panel, target: str, positions: Positions, settings: ForecastSettings) -> Examples:
    """Describe a bounded sample of the workloads at the origins, with what followed."""
    part = learned_part(panel, len(positions), settings)
    design = build_design(part, target, positions, settings)
    residual = residual_target(part, target, positions, design)
    return Examples(design, residual, busyness(design))


def learned_part(panel: Panel, origins: int, settings: ForecastSettings) -> Panel:
    """Return the panel with the workloads that are learned from where there are so many origins."""
    kept = sampled(len(panel.workload_ids), origins * settings.horizon, settings.seed)
    return panel.rows(kept) if len(kept) < len(panel.workload_ids) else panel


def training_origins(panel: Panel, settings: ForecastSettings) -> Positions:
    """Return the origins that are learned from, one horizon apart (a season at most), ascending.

    The newest one's horizon ends with the panel; of many, the newest are kept, see MAXIMUM_ROWS.

    Raises:
        InputError: Not even one origin has a week behind it.
    """
    stride = min(settings.season, settings.horizon)
    origins = np.arange(panel.length - settings.horizon, FIRST_SEASON * settings.season - 1, -stride)[::-1]
    if not len(origins):
        msg = f"{panel.length} intervals are too few to fit: {FIRST_SEASON} seasons and one horizon are needed"
        raise InputError(msg)
    affordable = MAXIMUM_ROWS // (max(len(panel.workload_ids), 1) * settings.horizon)
    return origins[-max(affordable, FEWEST_ORIGINS) :]


def sampled(workloads: int, rows_each: int, seed: int) -> NDArray[np.intp]:
    """Return the positions of the workloads that are learned from, ascending, at most MAXIMUM_ROWS rows of them."""
    most = max(MAXIMUM_ROWS // max(rows_each, 1), 1)
    if workloads <= most:
        return np.arange(workloads)
    return np.sort(np.random.default_rng(seed).choice(workloads, most, replace=False))


def busyness(design: Design) -> FloatArray:
    """Return the recent over the long-run level, shape [n, k]: a busy week weighs as its share of the error does."""
    ratio = design.scale / np.where(design.long_run > 0, design.long_run, np.nan)
    return np.nan_to_num(np.clip(ratio, 0.05, 5), nan=1.0).astype(np.float32)
