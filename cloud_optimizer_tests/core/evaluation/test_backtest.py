"""A rolling-origin evaluation shows models the past only and scores all of them alike."""

import json
from datetime import timedelta

import numpy as np
import pytest

from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.evaluation import metrics
from cloud_optimizer.core.evaluation.backtest import TABLE_COLUMNS, BacktestResult, backtest, backtest_rows
from cloud_optimizer.core.evaluation.baselines import BASELINE_NAMES
from cloud_optimizer.core.evaluation.settings import BacktestSettings
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.panel import Panel
from cloud_optimizer_tests.core.evaluation import fakes

CPU = ForecastSettings(targets=("cpu_mean",))
SETTINGS = BacktestSettings(origins=14, forecast=CPU, baselines=False)
PANEL = fakes.daily_panel(days=40)


def _row(result: BacktestResult, model: str) -> dict[str, float]:
    return result.summary.row(result.summary["model"].to_list().index(model), named=True)


def test_models_see_the_past_only() -> None:
    model = fakes.Repeating()
    backtest(PANEL, [model], SETTINGS)
    assert [origin for origin, _ in model.predictions] == [fakes.days_after_start(days) for days in range(26, 40)]
    assert all(end == origin for origin, end in model.predictions)


def test_changing_the_future_changes_no_forecast_before_it() -> None:
    future = PANEL["cpu_usage_cores_mean"].copy()
    future[:, 39 * 24 :] *= 100
    changed = PANEL.with_columns({"cpu_usage_cores_mean": future})
    settings = SETTINGS.model_copy(update={"baselines": True})
    for name in BASELINE_NAMES:
        before, after = (
            backtest(panel, [], settings).runs[name].scores["cpu_mean"].by_window for panel in (PANEL, changed)
        )
        assert np.array_equal(before["quantile_score"][:, :-1], after["quantile_score"][:, :-1])
        assert not np.array_equal(before["quantile_score"][:, -1], after["quantile_score"][:, -1])


def test_models_are_refitted_weekly_at_an_origin() -> None:
    model = fakes.Repeating()
    backtest(PANEL, [model], SETTINGS)
    assert model.fits == [fakes.days_after_start(26), fakes.days_after_start(33)]


def test_the_training_window_is_cut() -> None:
    shown: list[Panel] = []

    class Recording(fakes.Repeating):
        def fit(self, panel: Panel, settings: ForecastSettings) -> fakes.FittedForecaster:
            shown.append(panel)
            return super().fit(panel, settings)

    backtest(PANEL, [Recording()], SETTINGS.model_copy(update={"training_days": 10}))
    assert {panel.end - panel.start for panel in shown} == {10 * DAY}


def test_pooled_scores_are_those_of_the_plain_metrics() -> None:
    result = backtest(PANEL, [fakes.Repeating()], SETTINGS)
    demand = PANEL["cpu_usage_cores_mean"]
    actual = np.stack([demand[:, day * 24 : day * 24 + 24] for day in range(26, 40)], axis=1)
    last = np.stack([demand[:, day * 24 - 1] for day in range(26, 40)], axis=1)[..., None]
    forecast = np.broadcast_to(last, actual.shape)
    quantiles = np.broadcast_to(last[..., None], (*actual.shape, 10))
    row = _row(result, "repeating")
    assert row["wape"] == pytest.approx(metrics.wape(actual, forecast))
    assert row["wape_median"] == pytest.approx(np.median(metrics.wape_by_series(actual, forecast)))
    assert row["wql"] == pytest.approx(metrics.weighted_quantile_loss(actual, quantiles))
    assert row["coverage_80"] == pytest.approx(metrics.coverage(actual, quantiles, metrics.CENTRAL_80))
    assert row["over_forecast_ratio"] == pytest.approx(metrics.over_forecast_ratio(actual, forecast))
    assert row["under_forecast_ratio"] == pytest.approx(metrics.under_forecast_ratio(actual, forecast))
    scale = [metrics.seasonal_naive_scale(demand[:, : day * 24], 24) for day in range(26, 40)]
    mase = [metrics.mase_by_series(actual[:, i], forecast[:, i], scale[i]) for i in range(14)]
    assert row["mase"] == pytest.approx(np.mean(mase))
    assert (row["series"], row["windows"]) == (3, 14)


def test_unobserved_intervals_count_nowhere() -> None:
    holes = PANEL["cpu_usage_cores_mean"].copy()
    holes[0, 39 * 24 : 39 * 24 + 5] = np.nan
    result = backtest(PANEL.with_columns({"cpu_usage_cores_mean": holes}), [fakes.Repeating()], SETTINGS)
    scores = result.runs["repeating"].scores["cpu_mean"]
    assert scores.by_window["count"][0, -1] == 19
    assert scores.by_step["count"].tolist() == [3 * 14 - 1] * 5 + [3 * 14] * 19


def test_tables_per_step_and_workload_add_up_to_the_summary() -> None:
    result = backtest(PANEL, [fakes.Repeating(), fakes.Repeating("double", 2.0)], SETTINGS)
    assert result.per_workload["workload_id"].to_list() == ["w0", "w1", "w2"] * 2
    assert result.per_workload.filter(model="double")["wape"].median() == pytest.approx(
        _row(result, "double")["wape_median"]
    )
    assert result.per_step["step_ahead"].to_list() == list(range(1, 25)) * 2


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (fakes.Raising("bad"), "RuntimeError: no convergence"),
        (fakes.Silent("bad"), "cpu_mean of w1 has no finite forecast"),
        (fakes.Crossing("bad"), "cpu_mean of w0 has crossing quantiles"),
    ],
)
def test_a_family_that_fails_is_reported_and_blocks_nobody(model: fakes.Repeating, reason: str) -> None:
    result = backtest(PANEL, [model, fakes.Repeating()], SETTINGS)
    assert list(result.runs) == ["repeating"]
    assert reason in result.failures["bad"]
    assert any("bad failed and has no scores" in note for note in result.notes)


def test_fallback_forecasts_are_counted() -> None:
    result = backtest(PANEL, [fakes.Repeating(fallback=True)], SETTINGS)
    assert _row(result, "repeating")["fallbacks"] == 3 * 14


def test_seconds_are_split_over_targets_so_that_rows_add_up() -> None:
    both = PANEL.with_columns({"memory_usage_bytes_mean": PANEL["cpu_usage_cores_mean"] * np.float32(1e9)})
    ticks = iter(range(1000))
    settings = SETTINGS.model_copy(update={"forecast": ForecastSettings(targets=("cpu_mean", "memory_mean"))})
    result = backtest(both, [fakes.Repeating()], settings, clock=lambda: next(ticks))
    assert result.summary["fit_seconds"].to_list() == [1.0, 1.0]  # two fits of one tick each
    assert result.summary["predict_seconds"].to_list() == [7.0, 7.0]


def test_progress_runs_to_the_end_over_all_models() -> None:
    calls: list[tuple[int, int, str]] = []
    backtest(PANEL, [fakes.Repeating("a"), fakes.Repeating("b")], SETTINGS, progress=lambda *call: calls.append(call))
    assert calls[0] == (0, 28, "fitting a as of 2024-01-27 00:00")
    assert calls[-1] == (27, 28, "forecasting with b from 2024-02-09 00:00")


def test_json_rows_hold_exactly_the_published_fields() -> None:
    flat = PANEL.with_columns({"memory_usage_bytes_mean": np.full_like(PANEL["cpu_usage_cores_mean"], 5e9)})
    settings = SETTINGS.model_copy(update={"forecast": ForecastSettings(), "baselines": True})
    rows = json.loads(json.dumps(backtest_rows(backtest(flat, [fakes.Repeating()], settings)), allow_nan=False))
    assert {tuple(row) for row in rows} == {TABLE_COLUMNS}
    assert {(row["model"], row["target"]) for row in rows} == {
        (model, target) for model in ("repeating", *BASELINE_NAMES) for target in ("cpu_mean", "memory_mean")
    }
    assert all(row["mase"] is None for row in rows if row["target"] == "memory_mean")  # constant: no scale


def test_five_minute_forecasts_work() -> None:
    steps = 288 * 6
    values = np.random.default_rng(0).random((2, steps), dtype=np.float32)
    panel = Panel(("a", "b"), fakes.START, timedelta(minutes=5), {"cpu_usage_cores_mean": values})
    forecast = ForecastSettings(
        step=timedelta(minutes=5), horizon=48, season=288, targets=("cpu_mean",), minimum_history_days=1
    )
    settings = BacktestSettings(forecast=forecast, origins=18, minimum_history_days=3)
    result = backtest(panel, [fakes.Repeating()], settings)
    assert _row(result, "repeating")["windows"] == 18
    assert not result.failures
