"""Drift: distances between what a champion learned from and what a day shows, and the decisions made on them."""

from cloud_optimizer.core.drift.layout import demand_columns, forecast_medians
from cloud_optimizer.core.drift.performance import PerformanceSettings, PerformanceVerdict, performance_verdict
from cloud_optimizer.core.drift.reference import DriftReference, fit_reference
from cloud_optimizer.core.drift.settings import KINDS, DriftSettings, Kind
from cloud_optimizer.core.drift.verdict import DriftVerdict, KindVerdict, drift_verdict

__all__ = [
    "KINDS",
    "DriftReference",
    "DriftSettings",
    "DriftVerdict",
    "Kind",
    "KindVerdict",
    "PerformanceSettings",
    "PerformanceVerdict",
    "demand_columns",
    "drift_verdict",
    "fit_reference",
    "forecast_medians",
    "performance_verdict",
]
