"""What every family leaves in MLflow: native files, preprocessing, signature, example, data version, figures."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloud_optimizer.assets.training import MODEL_ASSETS
from cloud_optimizer.core.contracts import QUANTILE_LEVELS, quantile_column
from cloud_optimizer.core.forecasting.blending import MEMBERS, blended
from cloud_optimizer.core.forecasting.contract import FittedForecaster, ForecastSettings
from cloud_optimizer.core.forecasting.families import FORECASTERS
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.resources.model_registry import ModelRegistry, RunKey
from cloud_optimizer.resources.model_registry.native_model import FAMILY_LIBRARIES, python_functions
from cloud_optimizer_tests.core.forecasting.conftest import make_panel

STEPS = {
    "hours": ForecastSettings(targets=("cpu_mean",), calibration_days=5),
    "five minutes": ForecastSettings(
        step=timedelta(minutes=5), horizon=48, season=288, targets=("cpu_mean",), calibration_days=1
    ),
}
FAMILIES = [asset.key.to_user_string().removesuffix("_model") for asset in MODEL_ASSETS]
NATIVE = {
    "seasonal_naive": set(),
    "autotheta": {".json"},
    "lightgbm": {".txt"},
    "xgboost": {".ubj"},
    "catboost": {".cbm"},
    "lstm": {".safetensors"},
    "gru": {".safetensors"},
    "blend": {".txt", ".ubj", ".cbm", ".json"},
}
LEARNED = {"lightgbm", "xgboost", "catboost", "lstm", "gru"}
"""Those that learn round by round from features; naive forecasts, Theta and the loaded blend have no curve."""


@dataclass(frozen=True)
class Logged:
    family: str
    panel: Panel
    fitted: FittedForecaster
    folder: Path
    run: Any
    artifacts: set[str]


def fit(family: str, panel: Panel, settings: ForecastSettings) -> FittedForecaster:
    if family == "blend":
        members = {name: FORECASTERS[name]().fit(panel, settings) for name in MEMBERS}
        return blended(members, {name: one.before_calibration for name, one in members.items()}, panel)
    return FORECASTERS[family]().fit(panel, settings)


def log(registry: ModelRegistry, family: str, kind: str) -> Logged:
    settings = STEPS[kind]
    panel = make_panel(2, 20 if kind == "hours" else 9, settings.step)
    fitted = fit(family, panel, settings)
    with registry.run(RunKey(f"{family}_model", kind, date(2026, 1, 31), "run-1")) as run_id:
        model = registry.log_fitted(run_id, fitted, data_version="v7", example=panel.rows([0]))
    artifacts = {item.path for item in registry.client.list_artifacts(run_id)}
    run = registry.client.get_run(run_id)
    return Logged(family, panel, fitted, registry.model_folder(model.model_id), run, artifacts)


@pytest.fixture(scope="module", params=FAMILIES)
def logged(request: pytest.FixtureRequest, registry: ModelRegistry) -> Logged:
    return log(registry, request.param, "hours")


def test_the_model_lies_there_in_its_native_format_and_nothing_is_pickled(logged: Logged) -> None:
    suffixes = {path.suffix for path in logged.folder.iterdir() if path.name != "forecaster.json"}
    assert suffixes == NATIVE[logged.family]
    everything = {path.suffix for path in logged.folder.parents[1].rglob("*")}
    assert not everything & {".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin"}


def test_the_preprocessing_travels_with_it_so_that_mlflow_alone_forecasts_the_same(logged: Logged) -> None:
    function = python_functions().load_model(str(logged.folder.parents[1]))
    frame = function.predict(function.input_example)
    alone = logged.panel.rows([0])
    expected = logged.fitted.predict(alone, alone.end).values["cpu_mean"][0]
    columns = [quantile_column(level) for level in QUANTILE_LEVELS]
    mean = frame[frame["target"] == "cpu_mean"][columns].to_numpy()
    np.testing.assert_allclose(mean, expected, rtol=1e-4)


def test_the_signature_names_every_column_in_and_every_quantile_out(logged: Logged) -> None:
    signature = python_functions().load_model(str(logged.folder.parents[1])).metadata.signature
    assert signature.inputs.input_names() == ["workload_id", "timestamp", *logged.panel.columns]
    assert {quantile_column(level) for level in QUANTILE_LEVELS} < set(signature.outputs.input_names())


def test_an_input_example_the_libraries_and_the_data_version_are_there(logged: Logged) -> None:
    model = logged.folder.parents[1]
    assert (model / "input_example.json").is_file()
    pins = (model / "requirements.txt").read_text()
    assert all(f"{library}==" in pins for library in FAMILY_LIBRARIES.get(logged.family, ()))
    assert logged.run.data.tags["cloud_optimizer.data_version"] == "v7"
    assert logged.run.data.tags["cloud_optimizer.family"] == logged.family


def test_what_is_learned_in_rounds_has_a_training_curve_and_what_has_features_their_importance(
    logged: Logged,
) -> None:
    assert ("training_curve.png" in logged.artifacts) == (logged.family in LEARNED)
    assert ("feature_importance.png" in logged.artifacts) == (logged.family in LEARNED | {"blend"})


@pytest.mark.parametrize("family", FAMILIES)
def test_other_steps_and_horizons_work_by_settings_through_mlflow_too(registry: ModelRegistry, family: str) -> None:
    logged = log(registry, family, "five minutes")
    function = python_functions().load_model(str(logged.folder.parents[1]))
    frame = function.predict(function.input_example)
    assert len(frame) == 48
    gaps = frame["timestamp"].diff().dropna().unique()
    assert [gap / np.timedelta64(1, "m") for gap in gaps] == [5.0]
    assert frame["q0.5"].notna().all()
