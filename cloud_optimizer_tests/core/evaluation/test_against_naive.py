"""Ratios to the naive forecasts of the same run."""

import pytest

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.evaluation.against_naive import against_naive
from cloud_optimizer.core.evaluation.backtest import backtest
from cloud_optimizer.core.evaluation.settings import BacktestSettings
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer_tests.core.evaluation import fakes

PANEL = fakes.daily_panel(days=40)
SETTINGS = BacktestSettings(origins=5, forecast=ForecastSettings(targets=("cpu_mean",)))


def test_a_model_equal_to_a_naive_has_its_ratios() -> None:
    result = backtest(PANEL, [fakes.Repeating()], SETTINGS)  # repeats the last value, as naive_last_value does
    row = against_naive(result).row(0, named=True)
    summary = {model["model"]: model for model in result.summary.to_dicts()}
    last, yesterday = summary["naive_last_value"], summary["naive_same_hour_yesterday"]
    best = min((summary[name] for name in summary if name.startswith("naive")), key=lambda model: model["wape"])
    assert (row["model"], row["target"], row["best_naive"]) == ("repeating", "cpu_mean", best["model"])
    assert row["wape_ratio"] == pytest.approx(last["wape"] / best["wape"])
    assert row["mase_ratio"] == pytest.approx(last["mase"] / yesterday["mase"])
    assert row["wql_ratio"] == pytest.approx(summary["repeating"]["wql"] / summary["empirical_quantiles"]["wql"])


def test_series_are_compared_with_their_own_best_naive() -> None:
    result = backtest(PANEL, [fakes.Repeating()], SETTINGS)
    wapes = {(row["model"], row["workload_id"]): row["wape"] for row in result.per_workload.to_dicts()}
    naives = {model for model, _ in wapes if model.startswith("naive")}
    ratios = [wapes["repeating", w] / min(wapes[n, w] for n in naives) for w in PANEL.workload_ids]
    row = against_naive(result).row(0, named=True)
    assert row["worst_series"] == pytest.approx(max(ratios))
    assert row["much_worse_series"] == 1.0


def test_without_baselines_there_is_nothing_to_compare_with() -> None:
    result = backtest(PANEL, [fakes.Repeating()], SETTINGS.model_copy(update={"baselines": False}))
    with pytest.raises(InputError, match="without baselines"):
        against_naive(result)
