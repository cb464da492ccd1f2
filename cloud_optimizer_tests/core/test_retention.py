"""Nothing leaves unless asked for, and never what trainings and reports still read."""

from datetime import date

from cloud_optimizer.core.retention import RetentionSettings, first_days_kept

TODAY = date(2026, 7, 1)


def test_without_settings_everything_is_kept() -> None:
    assert first_days_kept(RetentionSettings(), TODAY, needed_days=118) == {}


def test_samples_and_results_have_ages_of_their_own() -> None:
    kept = first_days_kept(RetentionSettings(sample_days=120, result_days=181), TODAY, needed_days=118)
    # 120 days before 1 July: 30 of June, 31 of May, 30 of April, 29 of March
    assert kept["raw_workload_metrics"] == date(2026, 3, 3)
    assert kept["workload_hours"] == date(2026, 1, 1)
    assert set(kept) == {
        "raw_workload_metrics",
        "workload_metrics",
        "quarantined_metrics",
        "workload_hours",
        "forecasts",
    }


def test_what_a_training_reads_stays_whatever_the_settings_say() -> None:
    kept = first_days_kept(RetentionSettings(sample_days=120), TODAY, needed_days=181)
    assert set(kept.values()) == {date(2026, 1, 1)}
