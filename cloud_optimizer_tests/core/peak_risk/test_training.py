"""A peak-risk training compares first, uses what did best, and says what it could not learn."""

import pytest

from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.peak_risk import REMEDIES, PeakRiskSettings, best_remedy, train_peak_risk
from cloud_optimizer_tests.core.forecasting.conftest import make_panel
from cloud_optimizer_tests.core.peak_risk.fleet import peaky_panel

SETTINGS = PeakRiskSettings(rounds=30)
SCORES = {"pr_auc", "recall_at_90_precision", "mcc", "brier", "calibration_error", "base_rate"}


def test_the_remedy_that_did_best_out_of_time_is_used_and_its_scores_are_the_metrics() -> None:
    trained = train_peak_risk(peaky_panel(), SETTINGS)
    assert sorted(trained.comparison["remedy"]) == sorted(REMEDIES)
    assert trained.fitted.settings.remedy == best_remedy(trained.comparison)
    best = trained.comparison["pr_auc"].max()
    assert trained.metrics["cpu_peak.pr_auc"] == best
    assert {name.split(".")[1] for name in trained.metrics} == SCORES
    assert trained.notes == ()


def test_a_cluster_that_never_reaches_its_capacity_gets_the_base_rate_and_says_so() -> None:
    panel = make_panel(4, 40)
    trained = train_peak_risk(panel, SETTINGS)
    assert trained.comparison.is_empty()
    assert trained.metrics == {}
    assert trained.notes[0].startswith("No workload reached 95% of its capacity")
    assert [note.split(":")[0] for note in trained.notes[1:]] == ["cpu_peak", "memory_peak"]
    assert all("0 events are too few to learn from" in note for note in trained.notes[1:])
    probability = trained.fitted.predict(panel, panel.end).probability["cpu_peak"]
    assert ((probability > 0) & (probability < 0.01)).all()


def test_one_event_is_neither_compared_to_death_nor_learned_from() -> None:
    panel = make_panel(4, 40)
    usage = panel["cpu_usage_cores_max"].copy()
    usage[2, -100] = panel["cpu_capacity_cores"][2, -100]
    trained = train_peak_risk(panel.with_columns({"cpu_usage_cores_max": usage}), SETTINGS)
    assert any(note.startswith("cpu_peak: ") and "too few" in note for note in trained.notes)


@pytest.mark.parametrize("days", [9, 11])
def test_a_young_cluster_with_events_is_trained_without_a_comparison_it_has_no_days_for(days: int) -> None:
    trained = train_peak_risk(peaky_panel(days=days), SETTINGS)
    assert trained.comparison.is_empty()
    share = trained.fitted.classifiers["cpu_peak"].base_rate
    assert 0.02 < share < 0.4


def test_half_of_a_short_history_is_enough_to_calibrate() -> None:
    assert train_peak_risk(peaky_panel(days=21), SETTINGS).fitted.classifiers["cpu_peak"].booster is not None


def test_a_cluster_whose_capacity_nobody_knows_is_refused_in_a_sentence() -> None:
    panel = make_panel(3, 40)
    known = {name: values for name, values in panel.columns.items() if "capacity" not in name}
    unknown = type(panel)(panel.workload_ids, panel.start, panel.step, known)
    with pytest.raises(InputError, match="more than eight days of observed demand and capacity"):
        train_peak_risk(unknown, SETTINGS)
    with pytest.raises(InputError, match="more than eight days"):
        train_peak_risk(panel.window(panel.start, panel.start + 7 * DAY), SETTINGS)
