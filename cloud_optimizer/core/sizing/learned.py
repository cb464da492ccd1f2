"""A learned exceedance curve: the share of the next hour above any candidate size, from what the fleet did before.

A row is (workload, hour, candidate size); features are the logarithms of demand statistics over the size and what the
workload's own memory says about the size; the label is the share of the coming samples above it. Gradient-boosted
trees on the cross entropy of that share are calibrated by construction, and what one workload does teaches others.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.panel import FloatArray
from cloud_optimizer.core.replay.data import ReplayData
from cloud_optimizer.core.sizing.curve import ExceedanceCurve
from cloud_optimizer.core.sizing.hours import STATISTICS, HourlyDemand
from cloud_optimizer.core.sizing.memory import MEMORY_FEATURES, ExceedanceMemory

if TYPE_CHECKING:
    import lightgbm

ANCHORS: Final = ("peak_1h", "peak_2h", "peak_6h", "peak_24h", "peak_168h", "same_hour_highest", "last_half_peak")
MARGINS: Final = (1.0, 1.08)
"""Candidates lie at and just above what the workload reached before, and on a geometric grid between."""

GRID: Final = 16
SLOW: Final = MEMORY_FEATURES.index("share_slow")
WARM_UP_HOURS: Final = 24


class LearnedSettings(BaseModel):
    """How the exceedance model is fitted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    refit: timedelta = Field(default=timedelta(days=7), description="Longest time between fits.")
    refit_share: float = Field(default=0.15, gt=0, le=1, description="Refit sooner: after this share more history.")
    rows: int = Field(default=300_000, ge=1000, description="Most rows of a fit; older and newer hours alike.")
    rows_per_hour: int = Field(default=2000, ge=16, description="Rows drawn in an hour until thinned.")
    minimum_rows: int = Field(default=2000, ge=100, description="Below it there is no model.")
    minimum_hours: int = Field(default=24, ge=1, description="Observed hours before a workload gets a curve.")
    trees: int = Field(default=80, ge=1, le=2000, description="Boosting rounds.")
    leaves: int = Field(default=31, ge=2, le=255, description="Leaves of a tree.")
    learning_rate: float = Field(default=0.12, gt=0, le=1, description="Shrinkage of a tree.")
    minimum_leaf_rows: int = Field(default=100, ge=1, description="Rows of a leaf.")
    path_smooth: float = Field(
        default=200.0,
        ge=0,
        description="Rows by which a leaf is drawn to its parent; workloads that start together "
        "are few events, and unsmoothed trees learn them by heart.",
    )
    first_only: bool = Field(
        default=False, description="Count an hour's first sample over a size only: it raises the size at once."
    )
    seed: int = Field(default=0, ge=0, description="Seed of sampling and of the fit.")


@dataclass(frozen=True)
class _Rows:
    """Training rows of one hour."""

    hour: int
    features: FloatArray
    labels: FloatArray


class LearnedExceedance:
    """Walks over the hours of `data` once: `advance` to an hour, `refit` on what is known then, ask for the curve.

    Args:
        data: Usage and capacity.
        lag: Slots until a decision takes effect.
        floor: Smallest candidate, in the resource's unit.
        unit: What the memory's grid is counted in, in the resource's unit.
        settings: How the model is fitted.
    """

    def __init__(self, data: ReplayData, lag: int, floor: float, unit: float, settings: LearnedSettings) -> None:
        self.demand = HourlyDemand.of(data, lag)
        self.settings = settings
        self.floor = max(floor, 0.001 * unit)
        self.hour = 0
        self.trusted = False
        self._memory = ExceedanceMemory(len(data.usage), unit)
        self._model: lightgbm.Booster | None = None
        self._fitted_at = 0
        self._rows: list[_Rows] = []
        self._per_hour = settings.rows_per_hour
        self._delay = 1 if lag == 0 else 2  # hours after which a label is known

    def advance(self, hour: int) -> None:
        """Take in the hours before `hour`, drawing training rows from them."""
        while self.hour < hour:
            if self.hour >= WARM_UP_HOURS:
                self._draw()
            self._memory.observe(self.demand.samples[:, self.hour])
            self.hour += 1

    @property
    def due(self) -> bool:
        """Whether enough history came since the last fit."""
        if self._model is None:
            return True
        most = self.settings.refit / timedelta(hours=1)
        wait = min(max(self.settings.refit_share * self._fitted_at, 24.0), most)
        return self.hour - self._fitted_at >= wait

    def refit(self) -> None:
        """Fit on the rows whose outcome is known; the model in use is first judged on what came since it was fitted.

        A model that was worse than the workloads' own long-run shares is not trusted until the next fit.
        """
        known = [rows for rows in self._rows if rows.hour + self._delay <= self.hour]
        total = sum(len(rows.labels) for rows in known)
        if total < self.settings.minimum_rows:
            return
        self.trusted = self._model is None or self._beats_history(known)
        features = np.concatenate([rows.features for rows in known])
        labels = np.concatenate([rows.labels for rows in known])
        observed = np.isfinite(labels)
        self._model = self._fit(features[observed], labels[observed])
        self._fitted_at = self.hour

    def curve(self) -> ExceedanceCurve:
        """Return the curve of the hour that comes, NaN for workloads with too little history or without a model."""
        statistics = self.demand.statistics(self.hour)
        capacities = self._candidates(statistics)
        exceedance = np.full(capacities.shape, np.nan)
        rows = np.flatnonzero(self._memory.hours >= self.settings.minimum_hours)
        if self._model is not None and rows.size:
            count = capacities.shape[1]
            features = self._features(statistics, np.repeat(rows, count), capacities[rows].reshape(-1))
            exceedance[rows] = np.asarray(self._model.predict(features, num_threads=1)).reshape(-1, count)
        return ExceedanceCurve.from_exceedance(capacities.astype(np.float64), exceedance)

    def _draw(self) -> None:
        """Draw rows of the present hour; the draw looks at history only, so that it never depends on the outcome."""
        statistics = self.demand.statistics(self.hour)
        rows = np.flatnonzero(self._memory.hours > 0)
        if not rows.size:
            return
        random = np.random.default_rng((self.settings.seed, self.hour))
        each = int(np.clip(np.ceil(self._per_hour / rows.size), 2, 16))
        rows = random.permutation(rows)[: max(self._per_hour // each, 1)]
        candidates = self._candidates(statistics[rows], rows)
        pick = random.integers(0, candidates.shape[1], (len(rows), each))
        spread = np.exp(random.normal(0.0, 0.08, (len(rows), each)))
        capacity = np.maximum(np.take_along_axis(candidates, pick, axis=1) * spread, self.floor).astype(np.float32)
        coming = self.demand.coming[rows, self.hour]
        count = np.isfinite(coming).sum(axis=1)
        above = (coming[:, None, :] > capacity[:, :, None]).sum(axis=2)
        if self.settings.first_only:
            above = np.minimum(above, 1)
        labels = above / np.where(count > 0, count, np.nan)[:, None]
        features = self._features(statistics, np.repeat(rows, each), capacity.reshape(-1))
        self._rows.append(_Rows(self.hour, features, labels.reshape(-1).astype(np.float32)))
        if sum(len(part.labels) for part in self._rows) > 2 * self.settings.rows:
            self._thin(random)

    def _thin(self, random: np.random.Generator) -> None:
        """Keep every row with probability one half, and draw half as many from now on: hours stay alike."""
        kept = []
        for part in self._rows:
            keep = random.random(len(part.labels)) < 0.5
            kept.append(_Rows(part.hour, part.features[keep], part.labels[keep]))
        self._rows = kept
        self._per_hour = max(self._per_hour // 2, 16)

    def _candidates(self, statistics: FloatArray, rows: NDArray[np.intp] | None = None) -> FloatArray:
        """Return candidate sizes ascending, shape [n, K], up to just above the most that can be used."""
        provisioned = (
            self.demand.provisioned[:, self.hour] if rows is None else self.demand.provisioned[rows, self.hour]
        )
        ever = statistics[:, STATISTICS.index("peak_ever")]
        top = np.fmax(np.fmax(provisioned * 1.06, ever * 1.03), self.floor * 1.01)[:, None]
        anchors = statistics[:, [STATISTICS.index(name) for name in ANCHORS]]
        scaled = (anchors[:, :, None] * np.array(MARGINS, dtype=np.float32)).reshape(len(anchors), -1)
        grid = self.floor * (top / self.floor) ** np.linspace(0.02, 0.99, GRID, dtype=np.float32)
        floor = np.full_like(top, self.floor)
        sizes = np.concatenate([floor, np.where(np.isfinite(scaled), scaled, self.floor), grid, top], axis=1)
        return np.sort(np.clip(sizes, self.floor, top), axis=1).astype(np.float32)

    def _features(self, statistics: FloatArray, rows: NDArray[np.intp], capacity: FloatArray) -> FloatArray:
        """Return the model's input, shape [m, F]."""
        size = np.log(capacity)[:, None]
        relative = np.log(np.maximum(statistics[rows], 0.1 * self.floor)) - size
        day, hour = divmod(self.demand.first_hour + self.hour, 24)
        when = np.broadcast_to([hour, day % 7], (len(rows), 2))
        memory = self._memory.features(rows, capacity)
        return np.concatenate([relative, size - np.log(self.floor), when, memory], axis=1).astype(np.float32)

    def _fit(self, features: FloatArray, labels: FloatArray) -> "lightgbm.Booster":
        import lightgbm

        step = max(len(labels) // self.settings.rows, 1)
        parameters = {
            "objective": "cross_entropy",
            "num_leaves": self.settings.leaves,
            "learning_rate": self.settings.learning_rate,
            "min_data_in_leaf": self.settings.minimum_leaf_rows,
            "feature_fraction": 0.6,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "lambda_l2": 1.0,
            "path_smooth": self.settings.path_smooth,
            "max_bin": 127,
            "num_threads": 1,
            "verbose": -1,
            "seed": self.settings.seed,
            "deterministic": True,
        }
        return lightgbm.train(parameters, lightgbm.Dataset(features[::step], labels[::step]), self.settings.trees)

    def _beats_history(self, known: list[_Rows]) -> bool:
        """Return whether the model in use was better than the long-run shares on the hours since it was fitted."""
        recent = [rows for rows in known if rows.hour >= self._fitted_at]
        if not recent or self._model is None:
            return True
        features = np.concatenate([rows.features for rows in recent])
        labels = np.concatenate([rows.labels for rows in recent])
        observed = np.isfinite(labels)
        predicted = np.asarray(self._model.predict(features[observed], num_threads=1))
        history = features[observed, -len(MEMORY_FEATURES) + SLOW]
        return _cross_entropy(labels[observed], predicted) <= _cross_entropy(labels[observed], history)


def _cross_entropy(labels: FloatArray, predicted: NDArray[np.floating]) -> float:
    share = np.clip(predicted, 1e-4, 1.0 - 1e-4)
    return float(-np.mean(labels * np.log(share) + (1.0 - labels) * np.log1p(-share)))
