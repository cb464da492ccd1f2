"""The days of a tuning: what is searched on, what confirms, and what neither sees."""

import pytest

from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.training import TrainingSettings
from cloud_optimizer.core.tuning import TuningSettings, tuning_windows
from cloud_optimizer_tests.core.forecasting.conftest import make_panel

TRAINING = TrainingSettings(evaluation_days=7)


def ends(panel: Panel, settings: TuningSettings) -> list[float]:
    """Return the ends of the folds and of the confirmation in days since the panel's start."""
    windows = tuning_windows(panel, TRAINING, settings)
    assert all(part.start == panel.start for part in (*windows.folds, windows.confirmation))
    return [(part.end - panel.start) / DAY for part in (*windows.folds, windows.confirmation)]


def test_folds_and_confirmation_end_before_the_days_that_judge_the_models() -> None:
    assert ends(make_panel(2, 60), TuningSettings()) == [32, 39, 46, 53]


def test_a_short_history_has_fewer_folds() -> None:
    assert ends(make_panel(2, 45), TuningSettings()) == [31, 38]  # 21 days before the first fold


def test_a_history_too_short_for_one_fold_and_the_confirmation_is_refused() -> None:
    assert ends(make_panel(2, 42), TuningSettings()) == [28, 35]
    with pytest.raises(InputError, match=r"41.0 days of history are too few to tune on: 42 are needed"):
        tuning_windows(make_panel(2, 41), TRAINING, TuningSettings())


def test_of_a_large_fleet_the_same_sample_is_tuned_on_every_time() -> None:
    panel = make_panel(9, 60)
    samples = [
        tuning_windows(panel, TRAINING, TuningSettings(workloads=4, seed=seed)).confirmation.workload_ids
        for seed in (0, 0, 1)
    ]
    assert samples[0] == samples[1] != samples[2]
    assert len(set(samples[0])) == 4
    assert list(samples[0]) == sorted(samples[0])
