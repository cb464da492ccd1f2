"""Panels and forecasters whose scores are known in advance."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from cloud_optimizer.core.contracts import DAY, QUANTILE_LEVELS, TARGETS_BY_NAME
from cloud_optimizer.core.forecasting.contract import FittedForecaster, ForecastSettings, QuantileForecast
from cloud_optimizer.core.panel import FloatArray, Panel

START = datetime(2024, 1, 1, tzinfo=UTC)
HOURS = 24


def daily_panel(days: int, workloads: int = 3, seed: int = 0) -> Panel:
    """CPU mean demand with a daily wave and noise; workload i is about i + 1 cores."""
    time = np.arange(days * HOURS)
    noise = np.random.default_rng(seed).normal(0, 0.05, (workloads, len(time)))
    level = np.arange(1, workloads + 1)[:, None]
    values = level * (1 + 0.5 * np.sin(2 * np.pi * time / HOURS) + noise)
    names = tuple(f"w{i}" for i in range(workloads))
    return Panel(names, START, timedelta(hours=1), {"cpu_usage_cores_mean": values.astype(np.float32)})


@dataclass
class Repeating:
    """Repeats the last value times `factor` and records what it was shown."""

    name: str = "repeating"
    factor: float = 1.0
    fallback: bool = False
    fits: list[datetime] = field(default_factory=list)
    predictions: list[tuple[datetime, datetime]] = field(default_factory=list)
    settings: ForecastSettings | None = None

    def fit(self, panel: Panel, settings: ForecastSettings) -> FittedForecaster:
        self.fits.append(panel.end)
        self.settings = settings
        return self

    def predict(self, panel: Panel, origin: datetime) -> QuantileForecast:
        assert self.settings is not None
        self.predictions.append((origin, panel.end))
        values = {name: self._values(panel, name) for name in self.settings.targets}
        fallback = np.full(len(panel.workload_ids), self.fallback)
        return QuantileForecast(panel.workload_ids, origin, panel.step, self.name, values, fallback)

    def _values(self, panel: Panel, target: str) -> FloatArray:
        assert self.settings is not None
        last = panel[TARGETS_BY_NAME[target].column][:, -1] * np.float32(self.factor)
        shape = (len(panel.workload_ids), self.settings.horizon, len(QUANTILE_LEVELS))
        return np.broadcast_to(last[:, None, None], shape).copy()

    def save(self, folder: Path) -> None:
        raise AssertionError(folder)

    def load(self, folder: Path) -> FittedForecaster:
        raise AssertionError(folder)


class Raising(Repeating):
    """Fails as a family would."""

    def fit(self, panel: Panel, settings: ForecastSettings) -> FittedForecaster:
        raise RuntimeError(f"no convergence on {panel.length} of {settings.step}")


class Silent(Repeating):
    """Leaves the second workload out."""

    def _values(self, panel: Panel, target: str) -> FloatArray:
        values = super()._values(panel, target)
        values[1] = np.nan
        return values


class Crossing(Repeating):
    """Gives the highest quantile below the others."""

    def _values(self, panel: Panel, target: str) -> FloatArray:
        values = super()._values(panel, target)
        values[..., -1] -= 1
        return values


def days_after_start(days: int) -> datetime:
    """Midnight `days` days after the start of the panels."""
    return START + days * DAY
