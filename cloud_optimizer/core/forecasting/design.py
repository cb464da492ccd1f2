"""The direct multi-horizon design matrix: one row per (workload, origin, forecast interval), from the past only.

The same function serves fit and predict. What is learned is the residual of demand against a robust base (the
weighted median of `experts`), on the link scale, in units of that workload's recent error: then a batch machine and
a clockwork service are one learning problem, and quantiles travel between them.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import HOUR, TARGETS, TARGETS_BY_NAME
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.design_features import (
    calendar,
    calendar_features,
    relative_features,
    spread_features,
    state_features,
)
from cloud_optimizer.core.forecasting.experts import MEMORY_SEASONS, Expertise, consult
from cloud_optimizer.core.forecasting.history import Positions, future_after, history_before, known_mean
from cloud_optimizer.core.forecasting.link import from_link, to_link
from cloud_optimizer.core.panel import FloatArray, Panel

CEILING: Final = 1.1
"""Highest forecast over the highest demand of the last 28 seasons: an exponential tail knows no machine."""

REMEMBERED: Final = 1024
"""Newest intervals of the history that a design carries, for learners that read sequences."""

WORKING_VALUES: Final = 8_000_000
"""Values of history looked at together: bounds the memory of a fit."""

ARRAYS: Final = ("features", "scale", "base", "spread", "ceiling", "observed", "long_run", "history")


@dataclass(frozen=True)
class Design:
    """What is known of n workloads at k origins about H forecast intervals.

    Args:
        workload_ids: Row labels, n of them.
        features: Shape [n, k, H, len(names)].
        names: Feature names.
        scale: Recent level of demand, in the target's unit, shape [n, k].
        base: Robust forecast on the link scale, shape [n, k, H].
        spread: Recent error of a robust rule on the link scale, the unit of the residual, shape [n, k, H].
        ceiling: Highest demand that is forecast, in the target's unit, shape [n, k].
        observed: Intervals of known demand in the last 28 seasons, shape [n, k].
        long_run: Their mean demand, NaN where nothing is known, shape [n, k].
        history: Demand right before the origin, at most REMEMBERED intervals, shape [n, k, L].
        hours: Length of an interval.
    """

    workload_ids: tuple[str, ...]
    features: FloatArray
    names: tuple[str, ...]
    scale: FloatArray
    base: FloatArray
    spread: FloatArray
    ceiling: FloatArray
    observed: FloatArray
    long_run: FloatArray
    history: FloatArray
    hours: float

    def at(self, origins: NDArray[np.intp]) -> "Design":
        """Return the design of some of the origins."""
        arrays: dict[str, Any] = {name: getattr(self, name)[:, origins] for name in ARRAYS}
        return replace(self, **arrays)

    def demand(self, residual: FloatArray) -> FloatArray:
        """Return the demand of residuals, in the target's unit, shape [n, k, H, levels] like the residuals."""
        linked = self.base[..., None] + residual * self.spread[..., None]
        highest = to_link(self.ceiling, self.scale)[..., None, None]
        return from_link(np.minimum(linked, highest), self.scale[..., None, None])


def build_design(panel: Panel, target: str, positions: Positions, settings: ForecastSettings) -> Design:
    """Describe every workload at every origin.

    Args:
        panel: Roll-up columns; only intervals before an origin are looked at.
        target: Name of a target.
        positions: Origins on the panel's axis, shape [k].
        settings: What is forecast and how far.
    """
    experts = _consult_by_phase(panel, panel[TARGETS_BY_NAME[target].column], positions, settings)
    together = max(WORKING_VALUES // (max(len(panel.workload_ids), 1) * MEMORY_SEASONS * settings.season), 1)
    chunks = np.split(np.arange(len(positions)), np.arange(together, len(positions), together))
    parts = [_describe(panel, target, positions[chunk], experts.at(chunk), settings) for chunk in chunks]
    arrays: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts], axis=1) for name in ARRAYS}
    return replace(parts[0], **arrays)


def feature_names(settings: ForecastSettings) -> tuple[str, ...]:
    """Return the names of the features in their order: those of any design, here of a workload never seen."""
    target, unknown = TARGETS[0], np.full((1, 1), np.nan, dtype=np.float32)
    columns = {target.column: unknown, target.capacity_column: unknown}
    panel = Panel(("",), datetime(1970, 1, 1, tzinfo=UTC), settings.step, columns)
    return build_design(panel, target.name, np.array([1]), settings).names


def _describe(
    panel: Panel, target: str, positions: Positions, experts: Expertise, settings: ForecastSettings
) -> Design:
    demand = panel[TARGETS_BY_NAME[target].column]
    history = history_before(demand, positions, MEMORY_SEASONS * settings.season)
    base = to_link(experts.median, experts.scale[..., None])
    columns = {
        **relative_features(history, experts, base, settings),
        **spread_features(history, experts, settings),
        **state_features(panel, target, positions, history, experts),
        "base": base,
        "spread": experts.error,
        **calendar_features(panel, positions, settings),
    }
    features = np.empty((*base.shape, len(columns)), dtype=np.float32)
    for i, value in enumerate(columns.values()):
        features[..., i] = value if value.ndim == base.ndim else value[..., None]
    return Design(
        workload_ids=panel.workload_ids,
        features=features,
        names=tuple(columns),
        scale=experts.scale,
        base=base,
        spread=experts.error,
        ceiling=CEILING * np.fmax.reduce(history, axis=-1),
        observed=np.count_nonzero(~np.isnan(history), axis=-1).astype(np.float32),
        long_run=known_mean(history),
        history=history[..., -REMEMBERED:].copy(),
        hours=panel.step / HOUR,
    )


def residual_target(panel: Panel, target: str, positions: Positions, design: Design) -> FloatArray:
    """Return what the model learns, (link(demand) - base) / spread, shape [n, k, H]; NaN where demand is unknown."""
    future = future_after(panel[TARGETS_BY_NAME[target].column], positions, design.base.shape[-1])
    return np.asarray((to_link(future, design.scale[..., None]) - design.base) / design.spread)


def _consult_by_phase(panel: Panel, demand: FloatArray, positions: Positions, settings: ForecastSettings) -> Expertise:
    weekend = calendar(panel, np.arange(panel.length + settings.horizon + settings.season))["weekday"] >= 5
    phases = positions % settings.season
    parts, order = [], []
    for phase in np.unique(phases):
        here = np.flatnonzero(phases == phase)
        parts.append(consult(demand, weekend, positions[here], settings))
        order.append(here)
    back = np.argsort(np.concatenate(order))
    return Expertise(*(np.concatenate(field, axis=1)[:, back] for field in zip(*parts, strict=True)))
