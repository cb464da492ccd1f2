"""The direct multi-horizon design matrix: one row per (workload, origin, forecast interval), from the past only.

The same function serves fit and predict. What is learned is the residual of demand against a robust base (the
weighted median of `experts`), on the link scale, in units of that workload's recent error: then a batch machine and
a clockwork service are one learning problem, and quantiles travel between them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import HOUR, TARGETS_BY_NAME
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.experts import MEMORY_SEASONS, RULES, Expertise, consult
from cloud_optimizer.core.forecasting.history import (
    Positions,
    future_after,
    history_before,
    known_deviation,
    known_mean,
    last_known,
    seasonal_grid,
)
from cloud_optimizer.core.forecasting.link import from_link, to_link
from cloud_optimizer.core.panel import FloatArray, Panel

LAGS: Final = 7
PHASE_LAGS: Final = (1, 2, 3, 4, 7, 14)
PHASE_SEASONS: Final = 7
CEILING: Final = 1.1
"""Highest forecast over the highest demand of the last 28 seasons: an exponential tail knows no machine."""

PHASE_KEEP: Final = 0.7  # weight of a season against the next newer one in the smoothed phase


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
        history: Demand before the origin, shape [n, k, L].
        hours: Length of an interval.
    """

    workload_ids: tuple[str, ...]
    features: FloatArray
    names: tuple[str, ...]
    scale: FloatArray
    base: FloatArray
    spread: FloatArray
    ceiling: FloatArray
    history: FloatArray
    hours: float

    def at(self, origins: NDArray[np.intp]) -> "Design":
        """Return the design of some of the origins."""
        return replace(
            self,
            features=self.features[:, origins],
            scale=self.scale[:, origins],
            base=self.base[:, origins],
            spread=self.spread[:, origins],
            ceiling=self.ceiling[:, origins],
            history=self.history[:, origins],
        )

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
    demand = panel[TARGETS_BY_NAME[target].column]
    history = history_before(demand, positions, MEMORY_SEASONS * settings.season)
    experts = _consult_by_phase(panel, demand, positions, settings)
    base = to_link(experts.median, experts.scale[..., None])
    columns = {
        **_relative_features(history, experts, base, settings),
        **_spread_features(history, experts, settings),
        **_state_features(panel, target, positions, history, experts),
        "base": base,
        "spread": experts.error,
        **_calendar_features(panel, positions, settings),
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
        history=history,
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
    return Expertise(
        *(
            np.concatenate([getattr(part, name) for part in parts], axis=1)[:, back]
            for name in Expertise.__annotations__
        )
    )


def _relative_features(
    history: FloatArray, experts: Expertise, base: FloatArray, settings: ForecastSettings
) -> dict[str, FloatArray]:
    """Return recent demand and rules as distances from the base in units of the spread."""
    linked = to_link(history, experts.scale[..., None])
    rules = to_link(experts.rules, experts.scale[..., None, None])
    absolute = {
        **{f"rule_{name}": rules[..., i] for i, name in enumerate(RULES)},
        **{f"lag_{lag}": linked[..., -lag, None] for lag in range(1, LAGS + 1)},
        **_rolling_features(linked, settings),
        **_phase_features(seasonal_grid(linked, settings.season, settings.horizon)),
    }
    return {name: (value - base) / experts.error for name, value in absolute.items()}


def _rolling_features(linked: FloatArray, settings: ForecastSettings) -> dict[str, FloatArray]:
    horizon, season = settings.horizon, settings.season
    means = {horizon // 8, horizon // 4, horizon // 2, season // 4, season // 2}
    means |= {season * seasons for seasons in (1, 2, 3, 7, 14, MEMORY_SEASONS)}
    features = {f"mean_{length}": known_mean(linked[..., -length:]) for length in sorted(means - {0})}
    for length in (max(horizon // 4, 1), season, 7 * season):
        features[f"minimum_{length}"] = np.fmin.reduce(linked[..., -length:], axis=-1)
        features[f"maximum_{length}"] = np.fmax.reduce(linked[..., -length:], axis=-1)
    return {name: value[..., None] for name, value in features.items()}


def _phase_features(phases: FloatArray) -> dict[str, FloatArray]:
    recent = phases[..., -PHASE_SEASONS:]
    return {
        **{f"phase_lag_{lag}": phases[..., -lag] for lag in PHASE_LAGS},
        "phase_mean": known_mean(recent),
        "phase_minimum": np.fmin.reduce(recent, axis=-1),
        "phase_maximum": np.fmax.reduce(recent, axis=-1),
        "phase_smooth": _decayed_mean(phases),
    }


def _decayed_mean(phases: FloatArray) -> FloatArray:
    weight = PHASE_KEEP ** np.arange(phases.shape[-1] - 1, -1, -1, dtype=np.float32)
    known = ~np.isnan(phases)
    total = (known * weight).sum(axis=-1)
    value = np.where(known, phases * weight, 0).sum(axis=-1)
    mean: FloatArray = np.divide(value, total, out=np.full(total.shape, np.nan, dtype=np.float32), where=total > 0)
    return mean


def _spread_features(history: FloatArray, experts: Expertise, settings: ForecastSettings) -> dict[str, FloatArray]:
    """Return how restless demand was, on the link scale, each of shape [n, k]."""
    linked = to_link(history, experts.scale[..., None])
    season = settings.season
    windows = (max(settings.horizon // 4, 1), season, 7 * season)
    features = {f"deviation_{length}": known_deviation(linked[..., -length:]) for length in windows}
    recent = linked[..., -season:]
    for name, lag in (("lag_1", 1), ("lag_season", season), ("lag_week", 7 * season)):
        before = linked[..., -season - lag : linked.shape[-1] - lag]
        features[f"error_{name}"] = known_mean(np.abs(recent - before))
    return features


def _state_features(
    panel: Panel, target: str, positions: Positions, history: FloatArray, experts: Expertise
) -> dict[str, FloatArray]:
    provisioned = panel[TARGETS_BY_NAME[target].capacity_column]
    capacity = last_known(history_before(provisioned, positions, history.shape[-1]))
    return {
        "level_of_capacity": (experts.scale / np.where(capacity > 0, capacity, np.nan)).astype(np.float32),
        "observed_share": np.mean(~np.isnan(history), axis=-1, dtype=np.float32),
    }


def _calendar_features(panel: Panel, positions: Positions, settings: ForecastSettings) -> dict[str, FloatArray]:
    ahead = np.arange(settings.horizon)
    known = calendar(panel, positions[:, None] + ahead)
    features = {**known, "ahead": np.broadcast_to(ahead, known["hour"].shape).astype(np.float32)}
    return {name: value[None] for name, value in features.items()}


def calendar(panel: Panel, positions: Positions) -> Mapping[str, NDArray[np.float32]]:
    """Return hour of the day (0 to 24) and weekday (Monday is 0) of intervals, UTC, each of the positions' shape."""
    first = np.datetime64(panel.start.replace(tzinfo=None), "s")
    times = first + (positions * int(panel.step / timedelta(seconds=1))).astype("timedelta64[s]")
    days = times.astype("datetime64[D]")
    weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    return {
        "hour": ((times - days) / np.timedelta64(1, "h")).astype(np.float32),
        "weekday": weekday.astype(np.float32),
    }
