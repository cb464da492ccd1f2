"""What a trial is worth: measured beside the defaults, on the past only, no more of it than asked for."""

import pytest

from cloud_optimizer.core.contracts import DAY, TARGETS_BY_NAME
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.lightgbm_quantiles import PARAMETERS
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.training import TrainingSettings
from cloud_optimizer.core.tuning import Objective, TuningSettings, TuningWindows, tuning_windows
from cloud_optimizer_tests.core.forecasting.conftest import make_panel

FORECAST = ForecastSettings(targets=("cpu_mean",), calibration_days=5)
SETTINGS = TuningSettings(folds=2, fold_days=2, history_days=14)
TRAINING = TrainingSettings(evaluation_days=3)
DEFAULTS = {name: PARAMETERS[name] for name in ("num_iterations", "num_leaves")}


def windows_of(panel: Panel) -> TuningWindows:
    return tuning_windows(panel, TRAINING, SETTINGS)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return make_panel(2, 24)


def test_the_defaults_are_worth_exactly_one_on_every_window(panel: Panel) -> None:
    objective = Objective("lightgbm", windows_of(panel), FORECAST)
    assert list(objective(DEFAULTS)) == [1.0, 1.0]
    assert objective.confirm(DEFAULTS) == 1.0


def test_parameters_that_learn_nothing_lose_and_each_window_yields_the_mean_so_far(panel: Panel) -> None:
    objective = Objective("lightgbm", windows_of(panel), FORECAST)
    poor = {"num_iterations": 30, "learning_rate": 0.02, "num_leaves": 4}
    both = list(objective(poor))
    alone = list(Objective("lightgbm", TuningWindows(objective.windows.folds[1:], panel, 2), FORECAST)(poor))
    assert len(both) == 2
    assert both[0] != 1.0
    assert both[1] == pytest.approx((both[0] + alone[0]) / 2)


def test_a_window_that_is_not_asked_for_is_not_computed(panel: Panel) -> None:
    objective = Objective("lightgbm", windows_of(panel), FORECAST)
    next(objective({"num_leaves": 4}))
    assert list(objective._kept) == [0]


def test_days_after_the_windows_change_nothing(panel: Panel) -> None:
    changed = {name: values.copy() for name, values in panel.columns.items()}
    judged = panel.index(panel.end - TRAINING.evaluation_days * DAY)
    for target in FORECAST.targets:
        changed[TARGETS_BY_NAME[target].column][:, judged:] = 1e9
    other = Panel(panel.workload_ids, panel.start, panel.step, changed)
    parameters = {"num_leaves": 4}
    seen, unseen = (Objective("lightgbm", windows_of(each), FORECAST) for each in (panel, other))
    assert list(seen(parameters)) == list(unseen(parameters))
    assert seen.confirm(parameters) == unseen.confirm(parameters)


def test_no_trial_sees_the_days_that_confirm_it(panel: Panel) -> None:
    windows = windows_of(panel)
    assert all(fold.end <= windows.confirmation.end - windows.days * DAY for fold in windows.folds)


def test_a_parameter_that_the_family_does_not_have_is_named(panel: Panel) -> None:
    objective = Objective("lightgbm", windows_of(panel), FORECAST)
    with pytest.raises(InputError, match="lightgbm has no hyper-parameter depth"):
        next(objective({"depth": 3}))
