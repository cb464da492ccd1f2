"""What is known of a workload at an origin, relative to its capacity, and whether the event followed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from cloud_optimizer.core.contracts import DAY, HOUR, TARGETS_BY_NAME
from cloud_optimizer.core.evaluation.classification import Labels
from cloud_optimizer.core.forecasting.history import (
    Positions,
    future_after,
    history_before,
    known_deviation,
    known_mean,
    known_quantiles,
    last_known,
)
from cloud_optimizer.core.panel import FloatArray, Panel
from cloud_optimizer.core.peak_risk.settings import PeakRiskSettings

MAXIMA_HOURS: Final = (1, 3, 6, 12, 24, 48, 72, 168, 336, 672)
MEAN_HOURS: Final = (6, 24, 168, 672)
SHARE_HOURS: Final = (24, 168, 672)
DAYS_BACK: Final = (1, 2, 3, 4, 5, 6, 7, 14)
LARGEST_RATIO: Final = 10.0  # a workload on a tiny capacity is over it, by how much teaches nothing
VALUES_AT_ONCE: Final = 20_000_000


@dataclass(frozen=True)
class Examples:
    """Rows of (workload, origin), ordered by origin.

    Args:
        features: Shape [rows, f]; NaN is unknown.
        label: Demand reached the threshold within the window, shape [rows].
        origin: Position of the origin on the panel's axis, shape [rows].
        names: Feature names.
    """

    features: FloatArray
    label: Labels
    origin: Positions
    names: tuple[str, ...]

    def where(self, keep: Labels) -> "Examples":
        """Return the rows where `keep` is true."""
        return Examples(self.features[keep], self.label[keep], self.origin[keep], self.names)


def known_targets(panel: Panel, settings: PeakRiskSettings) -> list[str]:
    """Return the targets of which the panel has a value and a capacity."""
    columns = {name: (TARGETS_BY_NAME[name].column, TARGETS_BY_NAME[name].capacity_column) for name in settings.targets}
    return [
        name
        for name, needed in columns.items()
        if all(column in panel.columns and np.isfinite(panel[column]).any() for column in needed)
    ]


def training_origins(panel: Panel, settings: PeakRiskSettings) -> Positions:
    """Origins with a week of history and the whole window inside the panel, ascending, the last at its end."""
    spacing, window = settings.origin_spacing // panel.step, settings.window // panel.step
    first = 7 * DAY // panel.step
    return np.arange(panel.length - window, first - 1, -max(spacing, 1), dtype=np.intp)[::-1]


def build_examples(panel: Panel, target: str, origins: Positions, settings: PeakRiskSettings) -> Examples:
    """Features and labels of every workload with a capacity at every origin whose window was observed.

    A large fleet is sampled by workload, with the settings' seed, to `maximum_rows` rows.
    """
    count = len(panel.workload_ids)
    kept = max(1, min(count, settings.maximum_rows // max(len(origins), 1)))
    rows = np.sort(np.random.default_rng(settings.seed).permutation(count)[:kept])
    batch = max(1, VALUES_AT_ONCE // max(len(origins) * _length(panel, settings), 1))
    parts = [
        _batch_examples(panel.rows(rows[first : first + batch]), target, origins, settings)
        for first in range(0, kept, batch)
    ]
    features, label, origin = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(origin, kind="stable")
    return Examples(features[order], label[order], origin[order], feature_names())


def _batch_examples(
    panel: Panel, target: str, origins: Positions, settings: PeakRiskSettings
) -> tuple[FloatArray, Labels, Positions]:
    features, capacity = features_at(panel, target, origins, settings)
    future = future_after(panel[TARGETS_BY_NAME[target].column], origins, settings.window // panel.step)
    peak = np.where(np.isnan(future), -np.inf, future).max(axis=-1)
    usable = (capacity > 0) & np.isfinite(peak)
    label = peak >= settings.threshold * capacity
    origin = np.broadcast_to(origins, usable.shape)
    return features[usable], label[usable], origin[usable]


def features_at(
    panel: Panel, target: str, origins: Positions, settings: PeakRiskSettings
) -> tuple[FloatArray, FloatArray]:
    """Features [n, k, f] from intervals before each origin only, and the capacity [n, k] last known there."""
    length, hour = _length(panel, settings), max(HOUR // panel.step, 1)
    demand = history_before(panel[TARGETS_BY_NAME[target].column], origins, length)
    capacity = last_known(history_before(panel[TARGETS_BY_NAME[target].capacity_column], origins, length))
    limit = np.where(capacity > 0, capacity * np.float32(settings.threshold), np.float32(np.nan))
    ratio = np.minimum(demand / limit[..., None], np.float32(LARGEST_RATIO))
    reached = np.where(np.isnan(ratio), np.float32(np.nan), (ratio >= 1).astype(np.float32))
    columns = [
        *(_maximum(ratio[..., -hours * hour :]) for hours in MAXIMA_HOURS),
        *(known_mean(ratio[..., -hours * hour :]) for hours in MEAN_HOURS),
        *(known_deviation(ratio[..., -hours * hour :]) for hours in SHARE_HOURS),
        *(known_mean(reached[..., -hours * hour :]) for hours in SHARE_HOURS),
        *(_maximum(_day(ratio, days, 24 * hour)) for days in DAYS_BACK),
        *np.moveaxis(known_quantiles(ratio[..., -168 * hour :], np.array([0.5, 0.9, 0.99])), -1, 0),
        last_known(ratio),
        known_mean(ratio[..., -24 * hour :]) - known_mean(ratio[..., -48 * hour : -24 * hour]),
        _since_reached(reached, hour),
        known_mean((~np.isnan(ratio)).astype(np.float32)),
        *_calendar(panel, origins, ratio.shape[:2]),
    ]
    return np.stack(columns, axis=-1).astype(np.float32), capacity


def feature_names() -> tuple[str, ...]:
    """Names in the order of `features_at`; ratios are demand / (threshold x capacity)."""
    return (
        *(f"maximum_{hours}h" for hours in MAXIMA_HOURS),
        *(f"mean_{hours}h" for hours in MEAN_HOURS),
        *(f"deviation_{hours}h" for hours in SHARE_HOURS),
        *(f"reached_share_{hours}h" for hours in SHARE_HOURS),
        *(f"maximum_{days}_days_back" for days in DAYS_BACK),
        *("median_168h", "quantile90_168h", "quantile99_168h"),
        *("last", "mean_change_24h", "log_hours_since_reached", "observed_share"),
        *("hour_sin", "hour_cos", "weekday_sin", "weekday_cos"),
    )


def _length(panel: Panel, settings: PeakRiskSettings) -> int:
    return settings.history_days * DAY // panel.step


def _maximum(values: FloatArray) -> FloatArray:
    highest = np.where(np.isnan(values), np.float32(-np.inf), values).max(axis=-1)
    return np.where(np.isfinite(highest), highest, np.float32(np.nan))


def _day(values: FloatArray, days_back: int, day: int) -> FloatArray:
    """The day that began `days_back` days before the origin."""
    end = values.shape[-1] - (days_back - 1) * day
    return values[..., max(end - day, 0) : max(end, 1)]


def _since_reached(reached: FloatArray, hour: int) -> FloatArray:
    """log(1 + hours since the threshold was last reached); the whole history where it never was."""
    hits = (reached == 1)[..., ::-1]
    since = np.where(hits.any(axis=-1), hits.argmax(axis=-1), reached.shape[-1])
    return np.asarray(np.log1p(since / hour), dtype=np.float32)


def _calendar(panel: Panel, origins: Positions, shape: tuple[int, ...]) -> list[FloatArray]:
    times: list[datetime] = [panel.start + int(origin) * panel.step for origin in origins]
    day = np.array([(time.hour + time.minute / 60) / 24 for time in times])
    week = np.array([(time.weekday() + time.hour / 24) / 7 for time in times])
    waves = [wave(2 * np.pi * phase) for phase in (day, week) for wave in (np.sin, np.cos)]
    return [np.broadcast_to(wave.astype(np.float32), shape) for wave in waves]
