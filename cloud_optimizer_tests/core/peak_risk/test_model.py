"""The peak-risk model ranks, is calibrated, survives saving, and its remedies are compared fairly."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.peak_risk import (
    REMEDIES,
    PeakRiskSettings,
    Remedy,
    best_remedy,
    compare_remedies,
    fit_peak_risk,
    load_peak_risk,
)
from cloud_optimizer.core.peak_risk.classifier import fit_classifier, oversampled, platt
from cloud_optimizer.core.peak_risk.comparison import folds_of
from cloud_optimizer.core.peak_risk.examples import build_examples, training_origins
from cloud_optimizer_tests.core.peak_risk.fleet import START, peaky_panel

PANEL = peaky_panel()
SETTINGS = PeakRiskSettings(targets=("cpu_peak",), rounds=60)
EXAMPLES = build_examples(PANEL, "cpu_peak", training_origins(PANEL, SETTINGS), SETTINGS)
WINDOW = 24


@pytest.mark.parametrize("remedy", REMEDIES)
def test_every_remedy_gives_calibrated_probabilities(remedy: Remedy) -> None:
    settings = SETTINGS.model_copy(update={"remedy": remedy})
    fold = folds_of(EXAMPLES, WINDOW, folds=1)[0]
    probability = fit_classifier(fold.train, fold.calibrate, settings).probability(fold.test.features)
    assert probability.mean() == pytest.approx(fold.test.label.mean(), abs=0.04)
    assert probability[fold.test.label].mean() > 3 * probability[~fold.test.label].mean()


def test_folds_train_on_the_past_and_windows_do_not_reach_into_the_next_stretch() -> None:
    folds = folds_of(EXAMPLES, WINDOW, folds=3)
    assert len(folds) == 3
    for fold in folds:
        assert fold.train.origin.max() + WINDOW <= fold.calibrate.origin.min()
        assert fold.calibrate.origin.max() + WINDOW <= fold.test.origin.min()
    tested = [fold.test.origin for fold in folds]
    assert all(a.max() < b.min() for a, b in pairwise(tested))


def test_smote_adds_events_to_the_training_rows_only() -> None:
    fold = folds_of(EXAMPLES, WINDOW, folds=1)[0]
    settings = SETTINGS.model_copy(update={"smote_share": 0.5})
    features, label = oversampled(fold.train, settings)
    assert label.sum() == pytest.approx(0.5 * (~label).sum(), abs=1)
    assert (~label).sum() == (~fold.train.label).sum()
    assert np.isfinite(features).all()


def test_smote_leaves_rows_alone_where_there_is_nothing_to_interpolate() -> None:
    fold = folds_of(EXAMPLES, WINDOW, folds=1)[0]
    one = fold.train.where(~fold.train.label | (np.cumsum(fold.train.label) == 1))
    assert oversampled(one, SETTINGS)[1].sum() == 1


def test_remedies_are_compared_in_one_table() -> None:
    table = compare_remedies(PANEL, SETTINGS)
    assert set(table["remedy"]) == set(REMEDIES)
    assert table["rows"].n_unique() == 1  # the same test rows for all
    assert table["pr_auc"].is_sorted(descending=True)
    assert table["pr_auc"].min() > 2 * table["base_rate"][0]  # far better than chance
    assert best_remedy(table) == table["remedy"][0]


def test_nothing_to_learn_from_is_one_clear_sentence() -> None:
    quiet = PANEL.with_columns({"cpu_capacity_cores": PANEL["cpu_capacity_cores"] * 100})
    with pytest.raises(InputError, match="No workload reached 95% of its capacity"):
        compare_remedies(quiet, SETTINGS)
    with pytest.raises(InputError, match="more than eight days"):
        fit_peak_risk(PANEL.window(START, START + 5 * DAY), SETTINGS)


def test_a_fleet_without_events_gets_a_small_probability_not_zero() -> None:
    quiet = PANEL.with_columns({"cpu_capacity_cores": PANEL["cpu_capacity_cores"] * 100})
    fitted = fit_peak_risk(quiet, SETTINGS)
    probability = fitted.predict(quiet, quiet.end).probability["cpu_peak"]
    assert (probability > 0).all()
    assert (probability < 0.001).all()


def test_the_fitted_model_ranks_the_peaky_workloads_first_and_names_the_unknown() -> None:
    capacity = PANEL["cpu_capacity_cores"].copy()
    capacity[1] = 0.0
    panel = PANEL.with_columns({"cpu_capacity_cores": capacity})
    fitted = fit_peak_risk(panel, SETTINGS)
    weekday = START + 46 * DAY  # day 46 of a Monday start: a Friday
    probability = fitted.predict(panel, weekday).probability["cpu_peak"]
    assert np.isnan(probability[1])
    assert probability[::3].mean() == pytest.approx(0.5, abs=0.15)
    assert np.nanmean(np.delete(probability, np.s_[::3])) < 0.05
    frame = fitted.predict(panel, weekday).to_frame()
    assert frame.columns == ["workload_id", "origin", "target", "probability"]
    assert frame["probability"].null_count() == 1


def test_weekends_are_safer_than_weekdays() -> None:
    fitted = fit_peak_risk(PANEL, SETTINGS)
    friday, saturday = (fitted.predict(PANEL, START + day * DAY).probability["cpu_peak"][::3] for day in (46, 47))
    assert saturday.mean() < 0.3 * friday.mean()


def test_a_saved_model_predicts_the_same(tmp_path: Path) -> None:
    fitted = fit_peak_risk(PANEL, SETTINGS)
    fitted.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"peak_risk.json", "cpu_peak.lightgbm.txt"}
    loaded = load_peak_risk(tmp_path)
    expected = fitted.predict(PANEL, PANEL.end).probability["cpu_peak"]
    assert np.array_equal(loaded.predict(PANEL, PANEL.end).probability["cpu_peak"], expected)
    assert loaded.settings == SETTINGS
    assert loaded.diagrams == fitted.diagrams
    assert sum(loaded.feature_importance().values()) == pytest.approx(1.0)
    with pytest.raises(InputError, match="holds no peak-risk model"):
        load_peak_risk(tmp_path / "elsewhere")


def test_platt_recovers_the_distortion_it_undoes() -> None:
    rng = np.random.default_rng(0)
    log_odds = rng.normal(-3, 2, 50_000)
    label = rng.random(50_000) < 1 / (1 + np.exp(-log_odds))
    calibration = platt(4 * log_odds + 7, label)  # what a class weight and an overfit do to a score
    assert calibration.slope == pytest.approx(1 / 4, rel=0.03)
    assert calibration.offset == pytest.approx(-7 / 4, rel=0.03)


def test_platt_never_turns_the_order_around() -> None:
    score = np.linspace(-1, 1, 200)
    assert platt(score, score < 0).slope > 0
    assert np.isfinite(platt(np.zeros(20), np.arange(20) < 3).offset)
