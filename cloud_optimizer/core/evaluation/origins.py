"""Which origins a backtest scores, and which workloads count at each of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import DAY, TARGETS_BY_NAME
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.evaluation.settings import BacktestSettings
from cloud_optimizer.core.panel import FloatArray, Panel

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class OriginPlan:
    """The frozen frame in which every model of a backtest is scored.

    Args:
        origins: Starts of the forecasts, ascending, O of them.
        targets: Names of the targets with data.
        scored: Target to bool [n, O]: the workload counts at that origin.
        notes: What a person should know: fewer origins, less history, targets without data.
    """

    origins: tuple[datetime, ...]
    targets: tuple[str, ...]
    scored: Mapping[str, NDArray[np.bool_]]
    notes: tuple[str, ...]


def plan_origins(panel: Panel, settings: BacktestSettings) -> OriginPlan:
    """Choose the last origins at which at least one workload has enough history and an observed future.

    Origins are multiples of the spacing since the epoch (midnight UTC for daily ones) with a full horizon inside the
    panel. Where no origin has `minimum_history_days`, half of the panel's span is asked for, with a note.

    Raises:
        InputError: The panel's step differs from the settings', or it is too short for a single origin.
    """
    if panel.step != settings.forecast.step:
        raise InputError(f"The data has a step of {panel.step}, the backtest asks for {settings.forecast.step}.")
    targets, notes = _targets_with_data(panel, settings)
    candidates = _candidates(panel, settings)
    wanted = settings.minimum_history_days * DAY
    for history in (wanted, min(wanted, (panel.end - panel.start) / 2)):
        scored = {name: _scored(panel, name, candidates, history, settings) for name in targets}
        kept = np.flatnonzero(np.any([mask.any(axis=0) for mask in scored.values()], axis=0))[-settings.origins :]
        if kept.size:
            break
    else:
        span = panel.end - panel.start
        raise InputError(f"The data covers {span}: too short for one forecast of {settings.forecast.horizon} steps.")
    if history < wanted:
        notes.append(f"No workload has {wanted.days} days of history; workloads count after {history / DAY:.1f} days.")
    if kept.size < settings.origins:
        notes.append(f"Only {kept.size} of {settings.origins} origins have enough history and an observed future.")
    origins = tuple(candidates[i] for i in kept)
    return OriginPlan(origins, targets, {name: mask[:, kept] for name, mask in scored.items()}, tuple(notes))


def _targets_with_data(panel: Panel, settings: BacktestSettings) -> tuple[tuple[str, ...], list[str]]:
    columns = {name: TARGETS_BY_NAME[name].column for name in settings.forecast.targets}
    known = {
        name: column in panel.columns and bool(np.isfinite(panel[column]).any()) for name, column in columns.items()
    }
    targets = tuple(name for name, has_data in known.items() if has_data)
    if not targets:
        raise InputError(f"The data holds no value of {', '.join(columns.values())}: there is nothing to backtest.")
    return targets, [f"{name} is left out: {columns[name]} has no value." for name in known if not known[name]]


def _candidates(panel: Panel, settings: BacktestSettings) -> list[datetime]:
    reach = settings.forecast.horizon * panel.step
    first, last = -((EPOCH - panel.start) // settings.spacing), (panel.end - reach - EPOCH) // settings.spacing
    return [EPOCH + i * settings.spacing for i in range(first, last + 1)]


def _scored(
    panel: Panel, target: str, candidates: list[datetime], history: timedelta, settings: BacktestSettings
) -> NDArray[np.bool_]:
    """Known for `history`, seen within the model's look-back, and observed after the origin; shape [n, candidates]."""
    observed = ~np.isnan(panel[TARGETS_BY_NAME[target].column])
    first = np.where(observed.any(axis=1), observed.argmax(axis=1), panel.length)
    seen = _running_count(observed)
    origin = np.array([panel.index(time) for time in candidates], dtype=np.intp)
    lookback = np.maximum(origin - settings.forecast.history_days * DAY // panel.step, 0)
    recent = seen[:, origin] > seen[:, lookback]
    future = seen[:, origin + settings.forecast.horizon] > seen[:, origin]
    return np.asarray((first[:, None] + history // panel.step <= origin) & recent & future)


def _running_count(observed: NDArray[np.bool_]) -> NDArray[np.int32]:
    counts = np.zeros((observed.shape[0], observed.shape[1] + 1), dtype=np.int32)
    np.cumsum(observed, axis=1, out=counts[:, 1:])
    return counts


def actual_at(panel: Panel, target: str, origin: datetime, horizon: int, scored: NDArray[np.bool_]) -> FloatArray:
    """Return the demand after `origin`, shape [n, horizon]; NaN where not observed and for workloads not scored."""
    first = panel.index(origin)
    values = panel[TARGETS_BY_NAME[target].column][:, first : first + horizon]
    return np.where(scored[:, None], values, np.float32(np.nan))
