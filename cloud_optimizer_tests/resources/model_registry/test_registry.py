"""What goes into MLflow comes out again: runs, models in native formats, nothing pickled."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.naive import FittedNaive
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.peak_risk import PeakRiskSettings, fit_peak_risk
from cloud_optimizer.resources.model_registry import LoggedModel, ModelRegistry, RunKey
from cloud_optimizer.resources.model_registry.kept_fits import CALIBRATING, EVALUATED, load_fit, log_fit
from cloud_optimizer.resources.model_registry.native_model import python_functions
from cloud_optimizer_tests.core.peak_risk.fleet import peaky_panel

SETTINGS = ForecastSettings(targets=("cpu_mean",), minimum_history_days=1)
KEY = RunKey("seasonal_naive_model", "prod/eu 'ü'", date(2024, 1, 10), "run-1")


def _panel(days: int = 9) -> Panel:
    values = 1 + np.random.default_rng(0).random((2, days * 24), dtype=np.float32)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    return Panel(("a", "b"), start, timedelta(hours=1), {"cpu_usage_cores_mean": values})


@dataclass(frozen=True)
class Curved(FittedNaive):
    """A fitted model that offers figures."""

    def training_curve(self) -> dict[str, list[float]]:
        return {"cpu_mean train": [3.0, 2.0, 1.5], "cpu_mean validation": [3.1, 2.4, 2.2]}

    def feature_importance(self) -> dict[str, float]:
        return {"lag_24": 0.7, "hour": 0.3}


def _log(registry: ModelRegistry, key: RunKey = KEY) -> str:
    with registry.run(key) as run_id:
        fitted = Curved("seasonal_naive", SETTINGS)
        logged = registry.log_fitted(
            run_id,
            fitted,
            data_version="v7",
            params={"season": 24},
            metrics={"wape": 0.25, "unknown": None, "undefined": float("nan")},
            example=_panel(3),
        )
    return logged.model_id


def test_one_attempt_of_one_partition_is_one_run(registry: ModelRegistry) -> None:
    retry = RunKey(KEY.asset, KEY.cluster, KEY.date, KEY.dagster_run_id, retry=1)
    other = RunKey(KEY.asset, "another", KEY.date, KEY.dagster_run_id)
    ids = [registry.open_run(key) for key in (KEY, KEY, retry, other)]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_a_run_carries_parameters_known_metrics_tags_and_figures(registry: ModelRegistry) -> None:
    _log(registry)
    run = registry.client.get_run(registry.open_run(KEY))
    assert run.info.status == "FINISHED"
    assert run.data.params == {"season": "24"}
    assert run.data.metrics == {"wape": 0.25}
    assert run.data.tags["cloud_optimizer.cluster"] == KEY.cluster
    assert run.data.tags["cloud_optimizer.data_version"] == "v7"
    figures = {item.path for item in registry.client.list_artifacts(run.info.run_id)}
    assert figures == {"training_curve.png", "feature_importance.png"}


def test_a_run_whose_body_raises_is_failed_and_says_why(registry: ModelRegistry) -> None:
    key = RunKey("lightgbm_model", "failing", date(2024, 1, 10), "run-1")
    with pytest.raises(ZeroDivisionError), registry.run(key):
        _ = 1 / 0
    run = registry.client.get_run(registry.open_run(key))
    assert run.info.status == "FAILED"
    assert run.data.tags["cloud_optimizer.error"].startswith("ZeroDivisionError")


def test_a_logged_forecaster_comes_back_with_the_same_forecast(registry: ModelRegistry) -> None:
    panel = _panel()
    loaded = registry.load_logged(_log(registry))
    expected = FittedNaive("seasonal_naive", SETTINGS).predict(panel, panel.end).values["cpu_mean"]
    assert np.array_equal(loaded.predict(panel, panel.end).values["cpu_mean"], expected)


def test_a_logged_model_is_found_by_its_id(registry: ModelRegistry) -> None:
    model_id = _log(registry)
    found = registry.logged(model_id)
    assert found == LoggedModel(registry.open_run(KEY), model_id, "seasonal_naive", "v7")


def test_a_model_folder_is_native_and_pins_what_reads_it(registry: ModelRegistry) -> None:
    model = registry.model_folder(_log(registry)).parents[1]
    names = {path.name for path in model.rglob("*") if path.is_file()}
    assert {"MLmodel", "requirements.txt", "forecaster.json", "input_example.json"} <= names
    assert not {name for name in names if name.endswith((".pkl", ".pickle", ".joblib", ".cloudpickle"))}
    pins = (model / "requirements.txt").read_text().split()
    assert any(pin.startswith("numpy==") for pin in pins)
    assert all("==" in pin for pin in pins)


def test_mlflow_itself_can_load_the_model_and_forecast_its_input_example(registry: ModelRegistry) -> None:
    model = registry.model_folder(_log(registry)).parents[1]
    function = python_functions().load_model(str(model))
    forecast = function.predict(function.input_example)
    assert len(forecast) == 2 * 24
    assert set(forecast["workload_id"]) == {"a", "b"}
    assert forecast[["q0.5"]].notna().all().all()


def test_artifacts_lie_below_the_given_root(registry: ModelRegistry) -> None:
    folder = registry.model_folder(_log(registry))
    assert folder.is_relative_to(Path(registry.artifact_root.removeprefix("file://")))


def test_the_peak_risk_model_is_logged_with_its_reliability_and_loads_both_ways(registry: ModelRegistry) -> None:
    panel = peaky_panel(days=45)
    fitted = fit_peak_risk(panel, PeakRiskSettings(targets=("cpu_peak",), rounds=20))
    key = RunKey("peak_risk_model", "risky", date(2024, 1, 10), "run-1")
    with registry.run(key) as run_id:
        logged = registry.log_fitted(run_id, fitted, data_version="v1", example=panel.rows([0, 1]))
    paths = {item.path for item in registry.client.list_artifacts(run_id)}
    assert paths == {"feature_importance.png", "reliability_cpu_peak.png"}
    expected = fitted.predict(panel, panel.end).probability["cpu_peak"]
    loaded = registry.load_peak_risk(logged.model_id)
    assert np.array_equal(loaded.predict(panel, panel.end).probability["cpu_peak"], expected)
    function = python_functions().load_model(str(registry.model_folder(logged.model_id).parents[1]))
    assert function.predict(function.input_example)["probability"].tolist() == pytest.approx(expected[:2].tolist())


def test_a_kept_fit_lies_beside_the_model_in_its_folder_or_a_sentence_says_it_does_not(
    registry: ModelRegistry,
) -> None:
    model = registry.logged(_log(registry, RunKey("seasonal_naive_model", "evaluated", date(2024, 1, 10), "run-1")))
    with pytest.raises(InputError, match=f"The evaluated fit of model {model.model_id} is not there: train"):
        load_fit(registry, model, EVALUATED)
    log_fit(registry, model.run_id, FittedNaive("seasonal_naive", SETTINGS), EVALUATED)
    assert load_fit(registry, model, EVALUATED) == FittedNaive("seasonal_naive", SETTINGS)
    with pytest.raises(InputError, match=f"The calibrating fit of model {model.model_id} is not there: train"):
        load_fit(registry, model, CALIBRATING)
