"""A gradient-boosted classifier of one target, with a remedy for rarity, calibrated on later data."""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from cloud_optimizer.core.evaluation.classification import Labels
from cloud_optimizer.core.evaluation.metrics import Float64Array
from cloud_optimizer.core.panel import FloatArray
from cloud_optimizer.core.peak_risk.examples import Examples
from cloud_optimizer.core.peak_risk.focal import focal_derivatives
from cloud_optimizer.core.peak_risk.settings import PeakRiskSettings

FEWEST_EVENTS: Final = 10  # with fewer, the base rate is all that can be said
NEIGHBOURS: Final = 5  # of SMOTE
SMALLEST_SLOPE: Final = 1e-3
SMALLEST_SPREAD: Final = 1e-9
PRIOR: Final = 0.5  # Jeffreys: (events + 1/2) / (rows + 1) is never 0 or 1


@dataclass(frozen=True)
class Calibration:
    """Platt scaling: probability = 1 / (1 + exp(-(slope * score + offset)))."""

    slope: float
    offset: float

    def probability(self, score: Float64Array) -> Float64Array:
        """Calibrated probability of raw scores, shape [rows]."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self.slope * score + self.offset, -500, 500))))


@dataclass(frozen=True)
class Classifier:
    """A fitted classifier.

    Args:
        booster: LightGBM booster of raw scores; None where events were too few to learn from.
        calibration: From raw score to probability.
        base_rate: Share of events among all rows.
        events: Events among the training rows.
    """

    booster: Any
    calibration: Calibration
    base_rate: float
    events: int

    def probability(self, features: FloatArray) -> Float64Array:
        """Probability of the event for rows [rows, f]."""
        if self.booster is None:
            return np.full(len(features), self.base_rate)
        return self.calibration.probability(raw_scores(self.booster, features))


def fit_classifier(train: Examples, held_out: Examples, settings: PeakRiskSettings) -> Classifier:
    """Fit on `train` and calibrate on the later `held_out`; the base rate alone where events are too few."""
    events = int(train.label.sum())
    label = np.concatenate([train.label, held_out.label])
    base_rate = (int(label.sum()) + PRIOR) / (len(label) + 2 * PRIOR)
    if _fewer(train) < FEWEST_EVENTS:
        return Classifier(None, Calibration(1.0, 0.0), base_rate, events)
    booster = _fit_booster(train, settings)
    in_sample = platt(raw_scores(booster, train.features), train.label)
    return recalibrated(Classifier(booster, in_sample, base_rate, events), held_out)


def recalibrated(classifier: Classifier, held_out: Examples) -> Classifier:
    """Calibrate a classifier on rows it was not fitted on; unchanged where they hold too few events."""
    if classifier.booster is None or _fewer(held_out) < FEWEST_EVENTS:
        return classifier
    return replace(classifier, calibration=platt(raw_scores(classifier.booster, held_out.features), held_out.label))


def _fewer(examples: Examples) -> int:
    """Rows of the rarer class."""
    events = int(examples.label.sum())
    return min(events, len(examples.label) - events)


def raw_scores(booster: Any, features: FloatArray) -> Float64Array:
    """Log-odds before calibration, shape [rows]."""
    return np.asarray(booster.predict(features, raw_score=True), dtype=np.float64)


def _fit_booster(train: Examples, settings: PeakRiskSettings) -> Any:
    import lightgbm

    features, label = oversampled(train, settings) if settings.remedy == "smote" else (train.features, train.label)
    parameters: dict[str, Any] = {
        "objective": "binary",
        "num_leaves": settings.leaves,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": 50,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "num_threads": settings.threads,
        "seed": settings.seed,
        "deterministic": True,
        "force_col_wise": True,
        "verbosity": -1,
    }
    if settings.remedy == "class_weight":
        parameters["scale_pos_weight"] = float((~label).sum() / label.sum())
    if settings.remedy == "focal":
        parameters["objective"] = _focal_objective(label, settings)
    data = lightgbm.Dataset(features, label.astype(np.float32), feature_name=list(train.names), free_raw_data=True)
    return lightgbm.train(parameters, data, num_boost_round=settings.rounds)


def _focal_objective(label: Labels, settings: PeakRiskSettings) -> Any:
    def objective(score: Float64Array, _data: object) -> tuple[Float64Array, Float64Array]:
        return focal_derivatives(score, label, settings.focal_gamma, settings.focal_alpha)

    return objective


def oversampled(train: Examples, settings: PeakRiskSettings) -> tuple[FloatArray, Labels]:
    """Training rows with synthetic events between neighbouring ones (SMOTE, Chawla et al. 2002).

    Unknown features are filled with their median for it: distances need numbers. Unchanged where events are frequent
    enough already or have no neighbours.
    """
    from imblearn.over_sampling import SMOTE

    events = int(train.label.sum())
    quiet = len(train.label) - events
    if events <= 1 or events >= settings.smote_share * quiet:
        return train.features, train.label
    median = np.nan_to_num(np.nanquantile(_with_a_value(train.features), 0.5, axis=0))
    filled = np.where(np.isnan(train.features), median.astype(np.float32), train.features)
    sampler = SMOTE(
        sampling_strategy=settings.smote_share, k_neighbors=min(NEIGHBOURS, events - 1), random_state=settings.seed
    )
    features, label = sampler.fit_resample(filled, train.label)
    return np.asarray(features, dtype=np.float32), np.asarray(label, dtype=np.bool_)


def _with_a_value(features: FloatArray) -> FloatArray:
    """A column that is unknown everywhere gets a 0, so that its median exists."""
    return np.concatenate([features, np.where(np.isnan(features).all(axis=0), np.float32(0), np.float32(np.nan))[None]])


def platt(score: Float64Array, label: Labels) -> Calibration:
    """Fit slope and offset by the log loss (Platt 1999, with his smoothed targets).

    The slope stays positive: calibration never turns the order around.
    """
    from scipy.optimize import minimize

    events, quiet = float(label.sum()), float((~label).sum())
    target = np.where(label, (events + 1) / (events + 2), 1 / (quiet + 2))
    centre, spread = float(score.mean()), max(float(score.std()), SMALLEST_SPREAD)
    scaled = (score - centre) / spread

    def loss(weights: Float64Array) -> tuple[float, Float64Array]:
        log_odds = weights[0] * scaled + weights[1]
        gap = 1 / (1 + np.exp(-np.clip(log_odds, -500, 500))) - target
        value = np.mean(np.logaddexp(0, log_odds) - target * log_odds)
        return float(value), np.array([np.mean(gap * scaled), np.mean(gap)])

    start = np.array([1.0, np.log((events + 1) / (quiet + 1))])
    slope, offset = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(SMALLEST_SLOPE, None), (None, None)]).x
    return Calibration(float(slope / spread), float(offset - slope * centre / spread))
