"""The peak-risk model: one calibrated classifier a target, fitted as of the panel's end, saved in native formats."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from cloud_optimizer.core.contracts import DAY, UTC_TIMESTAMP
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.evaluation.classification import Reliability, reliability
from cloud_optimizer.core.evaluation.metrics import Float64Array
from cloud_optimizer.core.forecasting.history import Positions, origin_position
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.peak_risk.classifier import Calibration, Classifier, fit_classifier, recalibrated
from cloud_optimizer.core.peak_risk.examples import (
    build_examples,
    feature_names,
    features_at,
    known_targets,
    training_origins,
)
from cloud_optimizer.core.peak_risk.settings import PeakRiskSettings

DESCRIPTION_FILE: Final = "peak_risk.json"
BATCH: Final = 4096


@dataclass(frozen=True)
class PeakRiskForecast:
    """Probabilities at one origin.

    Args:
        workload_ids: Row labels, n of them.
        origin: Start of the window; only earlier data was used.
        probability: Target to shape [n]; NaN where the capacity is not known or 0.
    """

    workload_ids: tuple[str, ...]
    origin: datetime
    probability: Mapping[str, Float64Array]

    def to_frame(self) -> pl.DataFrame:
        """Return one row a workload and target: workload_id, origin, target, probability (null is unknown)."""
        frames = [
            pl.DataFrame({"workload_id": list(self.workload_ids), "target": target, "probability": values})
            for target, values in self.probability.items()
        ]
        origin = pl.lit(self.origin, UTC_TIMESTAMP).alias("origin")
        return pl.concat(frames).fill_nan(None).select("workload_id", origin, "target", "probability")


@dataclass(frozen=True)
class FittedPeakRisk:
    """A fitted peak-risk model.

    Args:
        settings: What counts as an event.
        classifiers: One a target.
        diagrams: Target to its reliability on the second half of the held-out days, calibrated on the first.
    """

    settings: PeakRiskSettings
    classifiers: Mapping[str, Classifier]
    diagrams: Mapping[str, Reliability]
    name: str = "peak_risk"

    def predict(self, panel: Panel, origin: datetime) -> PeakRiskForecast:
        """Probability of the event in the window from `origin`, looking at intervals before it only."""
        position = np.array([origin_position(panel, origin)])
        probability = {target: np.full(len(panel.workload_ids), np.nan) for target in self.classifiers}
        for first in range(0, len(panel.workload_ids), BATCH):
            rows = panel.rows(np.arange(first, min(first + BATCH, len(panel.workload_ids))))
            for target, classifier in self.classifiers.items():
                features, capacity = features_at(rows, target, position, self.settings)
                values = classifier.probability(features[:, 0])
                probability[target][first : first + BATCH] = np.where(capacity[:, 0] > 0, values, np.nan)
        return PeakRiskForecast(panel.workload_ids, origin, probability)

    def feature_importance(self) -> dict[str, float]:
        """Share of the total gain of each feature, over all targets."""
        gains = np.zeros(len(feature_names()))
        for classifier in self.classifiers.values():
            if classifier.booster is not None:
                gains += classifier.booster.feature_importance("gain")
        return dict(zip(feature_names(), (gains / gains.sum()).tolist(), strict=True)) if gains.sum() else {}

    def save(self, folder: Path) -> None:
        """Write a LightGBM text file a target and a JSON description."""
        state = {}
        for target, classifier in self.classifiers.items():
            if classifier.booster is not None:
                classifier.booster.save_model(folder / f"{target}.lightgbm.txt")
            state[target] = {
                "learned": classifier.booster is not None,
                "calibration": asdict(classifier.calibration),
                "base_rate": classifier.base_rate,
                "events": classifier.events,
                "reliability": asdict(self.diagrams[target]),
            }
        description = {"settings": self.settings.model_dump(mode="json"), "targets": state}
        (folder / DESCRIPTION_FILE).write_text(json.dumps(description, indent=1), encoding="utf-8")


def fit_peak_risk(panel: Panel, settings: PeakRiskSettings) -> FittedPeakRisk:
    """Fit on the panel, whose end is the as-of time: the last `calibration_days` calibrate, at most half.

    Targets without a single value or capacity are left out.

    Raises:
        InputError: The panel has no target with values and capacities, or is too short.
    """
    targets = known_targets(panel, settings)
    origins = training_origins(panel, settings)
    if not targets or not len(origins):
        raise InputError(
            "The peak-risk model needs more than eight days of observed demand and capacity: give it more history."
        )
    fitted = {target: _fit_target(panel, target, origins, settings) for target in targets}
    return FittedPeakRisk(
        settings,
        {target: classifier for target, (classifier, _) in fitted.items()},
        {target: diagram for target, (_, diagram) in fitted.items()},
    )


def _fit_target(
    panel: Panel, target: str, origins: Positions, settings: PeakRiskSettings
) -> tuple[Classifier, Reliability]:
    examples = build_examples(panel, target, origins, settings)
    window = settings.window // panel.step
    calibration = min(settings.calibration_days * DAY // panel.step, (panel.length - int(origins[0])) // 2)
    boundary = panel.length - calibration
    held_out = examples.where(examples.origin >= boundary)
    classifier = fit_classifier(examples.where(examples.origin + window <= boundary), held_out, settings)
    middle = boundary + (panel.length - boundary) // 2
    judge = recalibrated(classifier, held_out.where(held_out.origin + window <= middle))
    late = held_out.where(held_out.origin >= middle)
    return classifier, reliability(late.label, judge.probability(late.features))


def load_peak_risk(folder: Path) -> FittedPeakRisk:
    """Read what `FittedPeakRisk.save` wrote.

    Raises:
        InputError: The folder holds no peak-risk model.
    """
    path = folder / DESCRIPTION_FILE
    if not path.is_file():
        raise InputError(f"{folder} holds no peak-risk model: {DESCRIPTION_FILE} is missing.")
    description = json.loads(path.read_text(encoding="utf-8"))
    targets: dict[str, dict[str, Any]] = description["targets"]
    return FittedPeakRisk(
        PeakRiskSettings.model_validate(description["settings"]),
        {target: _load_classifier(folder, target, state) for target, state in targets.items()},
        {target: _reliability(state["reliability"]) for target, state in targets.items()},
    )


def _load_classifier(folder: Path, target: str, state: Mapping[str, Any]) -> Classifier:
    booster = None
    if state["learned"]:
        import lightgbm

        booster = lightgbm.Booster(model_file=folder / f"{target}.lightgbm.txt")
    return Classifier(booster, Calibration(**state["calibration"]), state["base_rate"], state["events"])


def _reliability(state: Mapping[str, list[float]]) -> Reliability:
    return Reliability(tuple(state["predicted"]), tuple(state["observed"]), tuple(int(rows) for rows in state["rows"]))
