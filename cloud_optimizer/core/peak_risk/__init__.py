"""How likely demand reaches a workload's current capacity within the next day: a classifier of a rare event.

The probability that a recommended size runs short is another question, answered in core.sizing.
"""

from cloud_optimizer.core.peak_risk.comparison import best_remedy, compare_remedies
from cloud_optimizer.core.peak_risk.model import FittedPeakRisk, PeakRiskForecast, fit_peak_risk, load_peak_risk
from cloud_optimizer.core.peak_risk.settings import REMEDIES, PeakRiskSettings, Remedy
from cloud_optimizer.core.peak_risk.training import TrainedPeakRisk, train_peak_risk

__all__ = [
    "REMEDIES",
    "FittedPeakRisk",
    "PeakRiskForecast",
    "PeakRiskSettings",
    "Remedy",
    "TrainedPeakRisk",
    "best_remedy",
    "compare_remedies",
    "fit_peak_risk",
    "load_peak_risk",
    "train_peak_risk",
]
