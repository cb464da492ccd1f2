"""Training of the peak-risk model as of a day: remedies compared out of time first, then the fit that is kept."""

from dataclasses import dataclass

import polars as pl

from cloud_optimizer.core.errors import CloudOptimizerError, InputError
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.peak_risk.comparison import COMPARISON_SCHEMA, best_remedy, compare_remedies
from cloud_optimizer.core.peak_risk.model import FittedPeakRisk, fit_peak_risk
from cloud_optimizer.core.peak_risk.settings import PeakRiskSettings

SCORES = ("pr_auc", "recall_at_90_precision", "mcc", "brier", "calibration_error", "base_rate")


@dataclass(frozen=True)
class TrainedPeakRisk:
    """A peak-risk model fitted as of the panel's end.

    Args:
        fitted: The model, with the remedy that did best.
        comparison: All remedies out of time, see `compare_remedies`; empty where there was nothing to compare.
        notes: What a person should know: no events, too few of them.
    """

    fitted: FittedPeakRisk
    comparison: pl.DataFrame
    notes: tuple[str, ...]

    @property
    def metrics(self) -> dict[str, float | None]:
        """Out-of-time scores of the remedy that was used, under names such as `cpu_peak.pr_auc`."""
        used = self.comparison.filter(pl.col("remedy") == self.fitted.settings.remedy)
        return {f"{row['target']}.{name}": row[name] for row in used.to_dicts() for name in SCORES}


def train_peak_risk(panel: Panel, settings: PeakRiskSettings) -> TrainedPeakRisk:
    """Compare the remedies on a sample, then fit with the best one on the whole panel.

    Raises:
        CloudOptimizerError: The fit failed; the message names the cause.
        InputError: The panel has no demand with a capacity, or is too short.
    """
    notes = []
    try:
        comparison = compare_remedies(panel, settings.model_copy(update={"maximum_rows": settings.comparison_rows}))
        settings = settings.model_copy(update={"remedy": best_remedy(comparison)})
    except InputError as error:
        comparison = COMPARISON_SCHEMA.to_frame()
        notes.append(str(error))
    try:
        fitted = fit_peak_risk(panel, settings)
    except CloudOptimizerError:
        raise
    except Exception as error:
        raise CloudOptimizerError(f"peak_risk cannot be fitted: {type(error).__name__}: {error}") from error
    return TrainedPeakRisk(fitted, comparison, (*notes, *_unlearned(fitted)))


def _unlearned(fitted: FittedPeakRisk) -> list[str]:
    return [
        f"{target}: {classifier.events} events are too few to learn from; every workload gets the base rate."
        for target, classifier in fitted.classifiers.items()
        if classifier.booster is None
    ]
