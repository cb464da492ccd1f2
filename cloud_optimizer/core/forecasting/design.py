"""The direct multi-horizon design matrix: one row per (workload, origin, forecast interval), from the past only.

The same function serves fit and predict. Demand is divided by the recent level of its workload and pressed by asinh
(linear near zero, logarithmic above), so one global model learns from workloads of every size; what is learned is
the residual against a robust base, the median of naive forecasts.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np

from cloud_optimizer.core.contracts import DAY, HOUR, TARGETS_BY_NAME
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.history import (
    Positions,
    future_after,
    history_before,
    known_deviation,
    known_mean,
    known_median,
    last_known,
    seasonal_grid,
)
from cloud_optimizer.core.panel import FloatArray, Panel

LINK_GAIN: Final = 3.0  # asinh(3x) bends at a third of the workload's level
LEVEL_DAYS: Final = 7
LEVEL_FLOOR: Final = 0.05  # of the long-run mean, so that a quiet week does not blow up ratios
SILENT_LEVEL: Final = 1e-6  # cores or bytes
LAGS: Final = 7
PHASE_LAGS: Final = (1, 2, 3, 4, 7, 14)
PHASE_WINDOW: Final = 7
ROLLING: Final = (3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 3 * DAY, 7 * DAY, 14 * DAY, 28 * DAY)
SPREAD: Final = (6 * HOUR, DAY, 7 * DAY)


@dataclass(frozen=True)
class Design:
    """What is known of n workloads at k origins about H forecast intervals.

    Args:
        features: Shape [n, k, H, len(names)].
        names: Feature names.
        scale: Recent level of demand, in the target's unit, shape [n, k].
        base: Robust naive forecast on the link scale, shape [n, k, H].
        history: Demand before the origin, shape [n, k, L].
    """

    features: FloatArray
    names: tuple[str, ...]
    scale: FloatArray
    base: FloatArray
    history: FloatArray


def to_link(demand: FloatArray, scale: FloatArray) -> FloatArray:
    """Return asinh(3 demand / scale)."""
    return np.arcsinh(demand * (LINK_GAIN / scale)).astype(np.float32)


def from_link(value: FloatArray, scale: FloatArray) -> FloatArray:
    """Return the demand whose `to_link` is `value`, never negative."""
    return np.asarray(np.maximum(np.sinh(value) * (scale / LINK_GAIN), 0), dtype=np.float32)


def build_design(panel: Panel, target: str, positions: Positions, settings: ForecastSettings) -> Design:
    """Describe every workload at every origin.

    Args:
        panel: Roll-up columns; only intervals before an origin are looked at.
        target: Name of a target.
        positions: Origins on the panel's axis, shape [k].
        settings: What is forecast and how far.
    """
    history = history_before(panel[TARGETS_BY_NAME[target].column], positions, history_length(settings))
    scale = demand_level(history, settings)
    linked = to_link(history, scale[..., None])
    phases = seasonal_grid(linked, settings.season, settings.horizon)
    naives = _naive_forecasts(linked, phases, settings)
    base = known_median(np.stack(list(naives.values()), axis=-1))
    columns = {
        **_origin_features(linked, settings),
        **_level_features(panel, target, positions, history, scale),
        **_phase_features(phases),
        **{f"naive_{name}": value for name, value in naives.items()},
        "base": base,
        **_calendar_features(panel, positions, settings),
    }
    shape = (*base.shape, len(columns))
    features = np.empty(shape, dtype=np.float32)
    for i, value in enumerate(columns.values()):
        features[..., i] = value if value.ndim == 3 else value[..., None]
    return Design(features, tuple(columns), scale, base, history)


def residual_target(panel: Panel, target: str, positions: Positions, design: Design) -> FloatArray:
    """Return what the model learns, link(demand) - base, shape [n, k, H]; NaN where demand is unknown."""
    future = future_after(panel[TARGETS_BY_NAME[target].column], positions, design.base.shape[-1])
    residual: FloatArray = to_link(future, design.scale[..., None]) - design.base
    return residual


def history_length(settings: ForecastSettings) -> int:
    """Return the intervals that a model may look back."""
    return settings.history_days * DAY // settings.step


def demand_level(history: FloatArray, settings: ForecastSettings) -> FloatArray:
    """Return the mean of the last 7 days, at least 5 % of the mean of the whole history, shape [...].

    SILENT_LEVEL where nothing or only zeros are known: residuals then stay next to zero.
    """
    recent = known_mean(history[..., -(LEVEL_DAYS * DAY // settings.step) :])
    level = np.fmax(recent, LEVEL_FLOOR * known_mean(history))
    return np.where(level > 0, level, SILENT_LEVEL).astype(np.float32)


def _naive_forecasts(linked: FloatArray, phases: FloatArray, settings: ForecastSettings) -> dict[str, FloatArray]:
    day, quarter = DAY // settings.step, 6 * HOUR // settings.step
    across = np.ones(settings.horizon, dtype=np.float32)
    return {
        "last_value": last_known(linked)[..., None] * across,
        "phase_median": known_median(phases[..., -PHASE_WINDOW:]),
        "day_median": known_median(linked[..., -day:])[..., None] * across,
        "quarter_mean": known_mean(linked[..., -max(quarter, 1) :])[..., None] * across,
    }


def _origin_features(linked: FloatArray, settings: ForecastSettings) -> dict[str, FloatArray]:
    features = {f"lag_{lag}": linked[..., -lag] for lag in range(1, LAGS + 1)}
    for window in ROLLING:
        if (length := window // settings.step) <= linked.shape[-1] and length > 0:
            features[f"mean_{_hours(window)}"] = known_mean(linked[..., -length:])
    for window in SPREAD:
        recent = linked[..., -max(window // settings.step, 1) :]
        features[f"deviation_{_hours(window)}"] = known_deviation(recent)
        features[f"minimum_{_hours(window)}"] = np.fmin.reduce(recent, axis=-1)
        features[f"maximum_{_hours(window)}"] = np.fmax.reduce(recent, axis=-1)
    for name, lag in (("lag_1", 1), ("lag_season", settings.season), ("lag_week", 7 * settings.season)):
        features[f"error_{name}"] = _past_lag_error(linked, lag, settings)
    return features


def _past_lag_error(linked: FloatArray, lag: int, settings: ForecastSettings) -> FloatArray:
    """Return the mean absolute error of the forecast `value of lag ago` over the last season, shape [...]."""
    if linked.shape[-1] < lag + settings.season:
        return np.full(linked.shape[:-1], np.nan, dtype=np.float32)
    recent = linked[..., -settings.season :]
    before = linked[..., -settings.season - lag : linked.shape[-1] - lag]
    return known_mean(np.abs(recent - before))


def _level_features(
    panel: Panel, target: str, positions: Positions, history: FloatArray, scale: FloatArray
) -> dict[str, FloatArray]:
    capacity = last_known(history_before(panel[TARGETS_BY_NAME[target].capacity_column], positions, history.shape[-1]))
    known = np.where(capacity > 0, capacity, np.nan)
    return {
        "level_of_capacity": (scale / known).astype(np.float32),
        "observed_share": np.mean(~np.isnan(history), axis=-1, dtype=np.float32),
    }


def _phase_features(phases: FloatArray) -> dict[str, FloatArray]:
    seasons = phases.shape[-1]
    features = {f"phase_lag_{lag}": phases[..., -lag] for lag in PHASE_LAGS if lag <= seasons}
    recent = phases[..., -PHASE_WINDOW:]
    return {
        **features,
        "phase_mean": known_mean(recent),
        "phase_minimum": np.fmin.reduce(recent, axis=-1),
        "phase_maximum": np.fmax.reduce(recent, axis=-1),
        "phase_deviation": known_deviation(recent),
        "phase_smooth": _decayed_mean(phases),
    }


def _decayed_mean(phases: FloatArray, keep: float = 0.7) -> FloatArray:
    weight = keep ** np.arange(phases.shape[-1] - 1, -1, -1, dtype=np.float32)
    known = ~np.isnan(phases)
    total = (known * weight).sum(axis=-1)
    value = np.where(known, phases * weight, 0).sum(axis=-1)
    mean: FloatArray = np.divide(value, total, out=np.full(total.shape, np.nan, dtype=np.float32), where=total > 0)
    return mean


def _calendar_features(panel: Panel, positions: Positions, settings: ForecastSettings) -> dict[str, FloatArray]:
    ahead = np.arange(settings.horizon)
    first = np.datetime64(panel.start.replace(tzinfo=None), "s")
    seconds = (positions[:, None] + ahead) * int(panel.step / timedelta(seconds=1))
    times = first + seconds.astype("timedelta64[s]")
    days = times.astype("datetime64[D]")
    hour = (times - days) / np.timedelta64(1, "h")
    weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    values = {"hour": hour, "weekday": weekday, "ahead": np.broadcast_to(ahead, hour.shape)}
    return {name: value[None].astype(np.float32) for name, value in values.items()}


def _hours(window: timedelta) -> str:
    return f"{window // HOUR}h"
