"""A training leaves a model and losses that add up; its data version names exactly what it saw."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import count

import numpy as np
import polars as pl
import pytest

from cloud_optimizer.core.contracts import DAY, HOUR
from cloud_optimizer.core.errors import CloudOptimizerError, InputError
from cloud_optimizer.core.evaluation.backtest import BacktestResult
from cloud_optimizer.core.evaluation.records import EVALUATION_SCHEMA, evaluation_frame, summarize_evaluations
from cloud_optimizer.core.forecasting.contract import FittedForecaster, ForecastSettings
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.training import (
    Frozen,
    Trained,
    TrainingSettings,
    data_version,
    evaluate,
    evaluation_settings,
    observed_part,
    score_fitted,
    train,
)
from cloud_optimizer_tests.core.evaluation.fakes import Raising, Repeating, daily_panel, days_after_start

DAYS = 20
AS_OF = date(2024, 1, 20)
TARGETS = ("cpu_mean", "memory_mean")
TRAINING = TrainingSettings(history_days=20, evaluation_days=5)
FORECAST = ForecastSettings(targets=TARGETS)


def two_target_panel(days: int = DAYS) -> Panel:
    """CPU and memory demand with a daily wave; the newest day lacks an hour of memory."""
    panel = daily_panel(days)
    memory = panel["cpu_usage_cores_mean"] * np.float32(1e9)
    memory[0, -1] = np.nan
    return panel.with_columns({"memory_usage_bytes_mean": memory})


@pytest.fixture(scope="module")
def trained() -> Trained:
    ticks = count(step=2)
    return train(Repeating(), two_target_panel(), TRAINING, FORECAST, clock=lambda: float(next(ticks)))


@pytest.fixture(scope="module")
def losses(trained: Trained) -> pl.DataFrame:
    return evaluation_frame(trained.result, "web", AS_OF, "m-1")


def test_the_evaluation_fit_sees_nothing_of_the_held_out_days_and_the_kept_fit_sees_all() -> None:
    family = Repeating()
    train(family, two_target_panel(), TRAINING, FORECAST)
    assert family.fits == [days_after_start(DAYS - 5), days_after_start(DAYS)]
    origins = [origin for origin, _ in family.predictions]
    assert origins == [days_after_start(day) for day in range(DAYS - 5, DAYS)]
    assert all(end == origin for origin, end in family.predictions)


def test_what_was_fitted_elsewhere_is_scored_by_its_like_on_a_panel_without_the_held_out_days() -> None:
    kept, like = Repeating(factor=2), Repeating()
    trained = score_fitted(kept, like, two_target_panel(), TRAINING, FORECAST)
    assert (like.fits, kept.fits) == ([days_after_start(DAYS - 5)], [])
    assert (trained.fitted, trained.evaluated, trained.fit_seconds) == (kept, like, 0.0)


def test_candidates_of_a_day_share_one_frame_of_daily_origins_without_a_refit() -> None:
    frame = evaluation_settings(TRAINING, FORECAST)
    assert (frame.origins, frame.spacing, frame.baselines) == (5, DAY, False)
    assert frame.refit_every > 5 * DAY
    assert frame.minimum_history_days == FORECAST.minimum_history_days


def test_losses_have_one_row_a_workload_origin_and_target(losses: pl.DataFrame) -> None:
    assert losses.schema == EVALUATION_SCHEMA
    assert losses.height == 3 * 5 * len(TARGETS)
    assert losses.select("workload_id", "origin", "target").is_unique().all()
    assert losses.select("cluster", "date", "model", "model_version").unique().row(0) == (
        "web",
        AS_OF,
        "repeating",
        "m-1",
    )


def test_losses_add_up_to_the_summary_of_the_backtest(trained: Trained, losses: pl.DataFrame) -> None:
    expected = {row["target"]: row for row in trained.result.summary.to_dicts()}
    summary = summarize_evaluations(losses)
    assert summary["target"].to_list() == sorted(TARGETS)
    for row in summary.to_dicts():
        for name in ("wape", "wql", "coverage_80", "coverage_95", "series"):
            assert row[name] == pytest.approx(expected[row["target"]][name]), (row["target"], name)


def test_an_hour_that_nobody_observed_counts_nowhere(losses: pl.DataFrame) -> None:
    counted = losses.group_by("target").agg(pl.col("count").sum()).sort("target")["count"].to_list()
    assert counted == [3 * 5 * 24, 3 * 5 * 24 - 1]


def test_metrics_name_target_and_measure_and_the_time_of_the_fit(trained: Trained) -> None:
    assert trained.metrics["fit_seconds"] == 2.0
    assert trained.metrics["cpu_mean.wape"] == pytest.approx(trained.result.summary["wape"][0])
    assert {name.split(".")[0] for name in trained.metrics} == {*TARGETS, "fit_seconds"}


def test_the_kept_fit_forecasts_only_what_the_source_has() -> None:
    family = Repeating()
    train(family, daily_panel(DAYS), TRAINING, ForecastSettings())
    assert family.settings is not None
    assert family.settings.targets == ("cpu_mean",)


def test_a_family_that_fails_is_named_with_its_cause() -> None:
    with pytest.raises(CloudOptimizerError, match="repeating cannot be evaluated: RuntimeError: no convergence on 360"):
        train(Raising(), two_target_panel(), TRAINING, FORECAST)


def test_a_family_that_fails_at_the_last_fit_is_named_with_its_cause() -> None:
    class Tired(Repeating):
        def fit(self, panel: Panel, settings: ForecastSettings) -> FittedForecaster:
            if self.fits:
                raise MemoryError("too much")
            return super().fit(panel, settings)

    with pytest.raises(CloudOptimizerError, match="repeating cannot be fitted: MemoryError: too much"):
        train(Tired(), two_target_panel(), TRAINING, FORECAST)


def test_empty_days_before_the_first_observation_are_not_history() -> None:
    panel = two_target_panel(4)
    unknown = {name: values.copy() for name, values in panel.columns.items()}
    for values in unknown.values():
        values[:, :30] = np.nan
    unknown["memory_usage_bytes_mean"][:, :40] = np.nan
    known = observed_part(panel.with_columns(unknown))
    assert (known.start, known.end) == (panel.start + 30 * HOUR, panel.end)
    assert observed_part(panel).length == panel.length


def test_a_panel_in_which_nothing_was_observed_is_left_as_it_is() -> None:
    panel = two_target_panel(2)
    empty = panel.with_columns({name: np.full_like(values, np.nan) for name, values in panel.columns.items()})
    assert observed_part(empty).length == panel.length


def test_a_panel_too_short_to_hold_out_a_day_is_refused() -> None:
    with pytest.raises(InputError, match="too short for one forecast of 24 steps"):
        train(Repeating(), two_target_panel(1), TRAINING, FORECAST)


def test_a_young_cluster_is_trained_on_less_history_and_the_note_says_so() -> None:
    notes = " ".join(train(Repeating(), two_target_panel(3), TRAINING, FORECAST).result.notes)
    assert "No workload has 7 days of history; workloads count after 1.5 days" in notes
    assert "Only 1 of 5 origins" in notes


def test_a_frozen_model_is_scored_as_it_is_however_often_it_is_fitted() -> None:
    earlier = Repeating(factor=2.0)
    earlier.fit(two_target_panel(10), FORECAST)
    frozen = Frozen("old", earlier)
    assert frozen.fit(two_target_panel(), FORECAST) is earlier
    result: BacktestResult = evaluate(frozen, two_target_panel(), evaluation_settings(TRAINING, FORECAST))
    assert earlier.fits == [days_after_start(10)]
    assert evaluation_frame(result, "web", AS_OF, "7")["model"].unique().to_list() == ["old"]


def test_equal_data_have_an_equal_version_whatever_the_order_of_columns() -> None:
    panel = two_target_panel()
    turned = Panel(panel.workload_ids, panel.start, panel.step, dict(reversed(panel.columns.items())))
    assert data_version(panel) == data_version(two_target_panel()) == data_version(turned)


def test_the_version_changes_with_one_value_with_a_name_and_with_the_time() -> None:
    panel = two_target_panel()
    changed = panel["cpu_usage_cores_mean"].copy()
    changed[2, 7] = np.nextafter(changed[2, 7], np.float32(np.inf))
    others = [
        panel.with_columns({"cpu_usage_cores_mean": changed}),
        panel.with_columns({"renamed": panel["cpu_usage_cores_mean"]}),
        replace(panel, start=panel.start + HOUR),
        replace(panel, step=timedelta(minutes=30)),
        replace(panel, workload_ids=("w0", "w1", "other")),
    ]
    assert len({data_version(panel), *map(data_version, others)}) == len(others) + 1
