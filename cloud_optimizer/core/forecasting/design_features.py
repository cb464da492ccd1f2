"""The features of the design matrix: recent demand and rules as seen from the base, restlessness, state, calendar."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import TARGETS_BY_NAME
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.experts import MEMORY_SEASONS, RULES, Expertise
from cloud_optimizer.core.forecasting.history import (
    Positions,
    history_before,
    known_deviation,
    known_mean,
    last_known,
    seasonal_grid,
)
from cloud_optimizer.core.forecasting.link import to_link
from cloud_optimizer.core.panel import FloatArray, Panel

LAGS: Final = (1, 7)
PHASE_LAGS: Final = (2, 14)
PHASE_SEASONS: Final = 7
MEAN_SEASONS: Final = (1, 2, 3, 14, MEMORY_SEASONS)
PHASE_KEEP: Final = 0.7  # weight of a season against the next newer one in the smoothed phase


def relative_features(
    history: FloatArray, experts: Expertise, base: FloatArray, settings: ForecastSettings
) -> dict[str, FloatArray]:
    """Return recent demand and rules as distances from the base in units of the spread."""
    linked = to_link(history, experts.scale[..., None])
    rules = to_link(experts.rules, experts.scale[..., None, None])
    absolute = {
        **{f"rule_{name}": rules[..., i] for i, name in enumerate(RULES)},
        **{f"lag_{lag}": linked[..., -lag, None] for lag in LAGS},
        **_rolling_features(linked, settings),
        **_phase_features(seasonal_grid(linked, settings.season, settings.horizon)),
    }
    return {name: (value - base) / experts.error for name, value in absolute.items()}


def _rolling_features(linked: FloatArray, settings: ForecastSettings) -> dict[str, FloatArray]:
    horizon, season = settings.horizon, settings.season
    means = {horizon // 2, season // 2} | {season * seasons for seasons in MEAN_SEASONS}
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


def spread_features(history: FloatArray, experts: Expertise, settings: ForecastSettings) -> dict[str, FloatArray]:
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


def state_features(
    panel: Panel, target: str, positions: Positions, history: FloatArray, experts: Expertise
) -> dict[str, FloatArray]:
    """Return the level over the capacity and the observed share of the history, each of shape [n, k]."""
    provisioned = panel[TARGETS_BY_NAME[target].capacity_column]
    capacity = last_known(history_before(provisioned, positions, history.shape[-1]))
    return {
        "level_of_capacity": (experts.scale / np.where(capacity > 0, capacity, np.nan)).astype(np.float32),
        "observed_share": np.mean(~np.isnan(history), axis=-1, dtype=np.float32),
    }


def calendar_features(panel: Panel, positions: Positions, settings: ForecastSettings) -> dict[str, FloatArray]:
    """Return hour, weekday and distance of the forecast intervals, each of shape [1, k, H]."""
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
