"""Tuned hyper-parameters are used where later days confirm them, and nowhere else."""

import json
from datetime import date

import pytest

from cloud_optimizer.core.forecasting.direct import DirectForecaster
from cloud_optimizer.core.tuning import TuningSettings, tuning_verdict
from cloud_optimizer.core.tuning.choice import chosen_hyperparameters

SETTINGS = TuningSettings(minimum_gain=0.01)
BEST = {"num_leaves": 12}


def row(**changed: object) -> dict[str, object]:
    known = {"date": date(2026, 3, 31), "adopted": True, "parameters": json.dumps(BEST), "mlflow_run": "r-1"}
    return {**known, **changed}


@pytest.mark.parametrize(
    ("search", "confirmation", "adopted"),
    [(0.95, 0.97, True), (0.95, 0.99, True), (0.95, 0.995, False), (0.95, 1.02, False), (1.0, None, False)],
)
def test_the_best_trial_is_adopted_when_days_that_it_never_saw_confirm_the_gain(
    search: float, confirmation: float | None, adopted: bool
) -> None:
    verdict = tuning_verdict(BEST, search, confirmation, SETTINGS)
    assert verdict.adopted == adopted
    assert verdict.parameters == BEST
    assert verdict.reason.startswith("Adopted:" if adopted else "The defaults stay:")


def test_a_family_without_a_search_space_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="autotheta has nothing to search; lightgbm, xgboost, catboost"):
        TuningSettings(families=("lightgbm", "autotheta"))


def test_the_reason_names_both_gains_and_what_was_asked() -> None:
    assert tuning_verdict(BEST, 0.95, 1.02, SETTINGS).reason == (
        "The defaults stay: the best trial saves 5.0% of the defaults' loss on the windows of the search and loses "
        "2.0% to the defaults on later days that no trial saw; at least 1.0% must be saved there."
    )


def test_a_training_uses_what_was_adopted_and_says_where_it_comes_from() -> None:
    chosen = chosen_hyperparameters("lightgbm", row())
    assert isinstance(chosen.forecaster, DirectForecaster)
    assert chosen.forecaster.parameters == BEST
    assert chosen.logged == {"hyperparameters": '{"num_leaves": 12}', "hyperparameters_source": "tuning of 2026-03-31"}
    assert chosen.tags == {"cloud_optimizer.tuning_run": "r-1"}


@pytest.mark.parametrize(
    ("tuning", "source"),
    [
        (None, "defaults: nothing was tuned"),
        (row(adopted=False), "defaults: the tuning of 2026-03-31 did not beat them"),
        (row(parameters='{"depth": 3}'), "defaults: the tuning of 2026-03-31 does not fit: lightgbm has no hyper-par"),
    ],
)
def test_otherwise_the_defaults_are_used_and_the_source_says_why(tuning: dict[str, object] | None, source: str) -> None:
    chosen = chosen_hyperparameters("lightgbm", tuning)
    assert isinstance(chosen.forecaster, DirectForecaster)
    assert chosen.forecaster.parameters == {}
    assert chosen.source.startswith(source)
    assert chosen.tags == {}
