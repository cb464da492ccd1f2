"""Accuracy of probabilities of a rare event. Labels are 0 or 1, shape [rows]; probabilities have the same shape.

Worked example, used in the docstrings: labels (1, 0, 1, 0), probabilities (0.9, 0.8, 0.6, 0.1).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.evaluation.metrics import Float64Array

BIN_EDGES: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)

Labels = NDArray[np.bool_]


@dataclass(frozen=True)
class PrecisionRecall:
    """The curve, from the strictest threshold to the loosest.

    Args:
        threshold: Distinct probabilities, descending.
        precision: Share of events among rows at or above the threshold.
        recall: Share of the events that lie at or above it.
    """

    threshold: Float64Array
    precision: Float64Array
    recall: Float64Array


def precision_recall(label: Labels, probability: Float64Array) -> PrecisionRecall:
    """Precision and recall at every distinct probability.

    Example: precision (1, 1/2, 2/3, 1/2) and recall (1/2, 1/2, 1, 1).
    """
    order = np.argsort(-probability, kind="stable")
    ranked, found = probability[order], np.cumsum(label[order], dtype=np.float64)
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1) if len(ranked) else np.zeros(0, dtype=np.intp)
    events = float(label.sum())
    recall = found[last] / events if events else np.full(len(last), np.nan)
    return PrecisionRecall(ranked[last], found[last] / (last + 1), recall)


def pr_auc(label: Labels, probability: Float64Array) -> float:
    """Area under the precision-recall curve as average precision: sum of precision x gain in recall.

    Example: 1 x 0.5 + 2/3 x 0.5 = 0.8333. A random order gives the base rate. NaN without an event.
    """
    curve = precision_recall(label, probability)
    return float(np.sum(curve.precision * np.diff(curve.recall, prepend=0.0))) if len(label) else float("nan")


def recall_at_precision(label: Labels, probability: Float64Array, precision: float) -> float:
    """Highest recall of a threshold with at least this precision; 0 where there is none. Example at 0.9: 0.5."""
    curve = precision_recall(label, probability)
    good = curve.recall[curve.precision >= precision]
    return float(good.max()) if good.size else (0.0 if label.any() else float("nan"))


def mcc(label: Labels, alarm: Labels) -> float:
    """Matthews correlation coefficient of alarms, -1..1; 0 where one of both never varies.

    Example, alarms (1, 1, 1, 0): (2 x 1 - 1 x 0) / sqrt(3 x 2 x 2 x 1) = 0.577.
    """
    hits, false = float(np.sum(label & alarm)), float(np.sum(~label & alarm))
    missed, quiet = float(np.sum(label & ~alarm)), float(np.sum(~label & ~alarm))
    scale = (hits + false) * (hits + missed) * (quiet + false) * (quiet + missed)
    return (hits * quiet - false * missed) / float(np.sqrt(scale)) if scale > 0 else 0.0


def best_threshold(label: Labels, probability: Float64Array) -> float:
    """Threshold with the highest MCC, found on data that is not scored with it afterwards; the strictest of equals.

    Example: 0.9 and 0.6 both have 0.577: 0.9.
    """
    curve = precision_recall(label, probability)
    events, rows = float(label.sum()), float(len(label))
    hits = curve.recall * events
    alarms = hits / np.maximum(curve.precision, 1e-300)
    scale = alarms * events * (rows - events) * (rows - alarms)
    score = np.divide(
        hits * rows - alarms * events, np.sqrt(np.maximum(scale, 0)), out=np.zeros_like(hits), where=scale > 0
    )
    return float(curve.threshold[int(np.argmax(score))]) if events else float("inf")


def brier(label: Labels, probability: Float64Array) -> float:
    """Mean squared error of the probability. Example: (0.01 + 0.64 + 0.16 + 0.01) / 4 = 0.205."""
    return float(np.mean((probability - label) ** 2))


@dataclass(frozen=True)
class Reliability:
    """What a reliability diagram shows, one entry a bin.

    Args:
        predicted: Mean probability of the bin.
        observed: Share of events in the bin.
        rows: Rows in the bin.
    """

    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    rows: tuple[int, ...]

    @property
    def calibration_error(self) -> float:
        """Expected calibration error: mean |observed - predicted|, weighted by rows."""
        rows = np.asarray(self.rows, dtype=np.float64)
        gap = np.abs(np.asarray(self.observed) - np.asarray(self.predicted))
        return float((gap * rows).sum() / rows.sum()) if rows.sum() else float("nan")


def reliability(label: Labels, probability: Float64Array) -> Reliability:
    """Compare probabilities with frequencies in bins narrow near 0, as fits a rare event; empty bins are left out."""
    bins = np.digitize(probability, BIN_EDGES)
    parts = [np.flatnonzero(bins == number) for number in np.unique(bins)]
    return Reliability(
        tuple(float(probability[part].mean()) for part in parts),
        tuple(float(label[part].mean()) for part in parts),
        tuple(len(part) for part in parts),
    )
