"""Which remedy for rarity helps: all of them on the same folds, in one table."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.evaluation import classification
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.peak_risk.classifier import fit_classifier
from cloud_optimizer.core.peak_risk.examples import Examples, build_examples, known_targets, training_origins
from cloud_optimizer.core.peak_risk.settings import REMEDIES, PeakRiskSettings, Remedy

PRECISION = 0.9
FEWEST_ORIGINS = 4  # of a stretch of time, of which there are two more than folds


@dataclass(frozen=True)
class Fold:
    """Rows of three successive stretches of time; a row's window ends before the next stretch begins."""

    train: Examples
    calibrate: Examples
    test: Examples


def folds_of(examples: Examples, window: int, folds: int) -> list[Fold]:
    """Cut the time into stretches: half to train on at first, then `folds` growing cuts; only the past trains.

    Args:
        examples: Rows ordered by origin.
        window: Intervals a row looks ahead: rows whose window reaches into the next stretch are left out.
        folds: Number of cuts.
    """
    times = np.unique(examples.origin)
    places = np.linspace(len(times) * 0.5, len(times), folds + 2)[:-1].astype(np.intp)
    cuts = [int(times[place]) for place in places] + [int(times[-1]) + 1]
    found = []
    for (calibrate, test), end in zip(pairwise(cuts), cuts[2:], strict=False):
        found.append(
            Fold(
                examples.where(examples.origin + window <= calibrate),
                examples.where((examples.origin >= calibrate) & (examples.origin + window <= test)),
                examples.where((examples.origin >= test) & (examples.origin < end)),
            )
        )
    return found


def compare_remedies(panel: Panel, settings: PeakRiskSettings, folds: int = 3) -> pl.DataFrame:
    """Score every remedy on every target, pooled over the test stretches of the folds.

    Returns:
        One row a target and remedy: target, remedy, pr_auc, recall_at_90_precision, mcc (threshold from the
        calibration stretch), brier, calibration_error, base_rate, events, rows; best PR-AUC first.

    Raises:
        InputError: No target has an event to learn from.
    """
    tables = [_target_table(panel, target, settings, folds) for target in known_targets(panel, settings)]
    table = pl.concat([COMPARISON_SCHEMA.to_frame(), *tables])
    if table.is_empty():
        raise InputError(
            f"No workload reached {settings.threshold:.0%} of its capacity in days enough to compare on: nothing to "
            "compare."
        )
    return table.sort("target", "pr_auc", descending=[False, True], nulls_last=True)


def best_remedy(table: pl.DataFrame) -> Remedy:
    """Return the remedy of `compare_remedies` with the best mean PR-AUC over the targets; the simpler of equals."""
    scores = table.group_by("remedy").agg(pl.col("pr_auc").mean()).drop_nulls()
    found: dict[str, float] = dict(scores.iter_rows())
    return max(REMEDIES, key=lambda remedy: found.get(remedy, 0.0))


def _target_table(panel: Panel, target: str, settings: PeakRiskSettings, folds: int) -> pl.DataFrame:
    examples = build_examples(panel, target, training_origins(panel, settings), settings)
    rows = []
    if examples.label.any() and len(np.unique(examples.origin)) >= FEWEST_ORIGINS * (folds + 2):
        cuts = folds_of(examples, settings.window // panel.step, folds)
        rows = [_score(target, cuts, settings.model_copy(update={"remedy": remedy})) for remedy in REMEDIES]
    return pl.DataFrame(rows, schema=COMPARISON_SCHEMA).fill_nan(None)


COMPARISON_SCHEMA = pl.Schema(
    {
        "target": pl.String(),
        "remedy": pl.String(),
        "pr_auc": pl.Float64(),
        "recall_at_90_precision": pl.Float64(),
        "mcc": pl.Float64(),
        "brier": pl.Float64(),
        "calibration_error": pl.Float64(),
        "base_rate": pl.Float64(),
        "events": pl.Int64(),
        "rows": pl.Int64(),
    }
)


def _score(target: str, folds: list[Fold], settings: PeakRiskSettings) -> dict[str, object]:
    labels, probabilities, alarms = [], [], []
    for fold in folds:
        classifier = fit_classifier(fold.train, fold.calibrate, settings)
        threshold = classification.best_threshold(fold.calibrate.label, classifier.probability(fold.calibrate.features))
        probability = classifier.probability(fold.test.features)
        labels.append(fold.test.label)
        probabilities.append(probability)
        alarms.append(probability >= threshold)
    label, probability = np.concatenate(labels), np.concatenate(probabilities)
    return {
        "target": target,
        "remedy": settings.remedy,
        "pr_auc": classification.pr_auc(label, probability),
        "recall_at_90_precision": classification.recall_at_precision(label, probability, PRECISION),
        "mcc": classification.mcc(label, np.concatenate(alarms)),
        "brier": classification.brier(label, probability),
        "calibration_error": classification.reliability(label, probability).calibration_error,
        "base_rate": float(label.mean()),
        "events": int(label.sum()),
        "rows": len(label),
    }
