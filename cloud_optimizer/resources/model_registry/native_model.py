"""An MLflow model folder around what `FittedForecaster.save` wrote: native files and JSON, never a pickle.

MLflow calls `_load_pyfunc` of this module, so `mlflow.pyfunc.load_model(...)` works for people; the platform itself
reads the same folder through core.forecasting, without MLflow's per-call cost.
"""

import warnings
from collections.abc import Sequence
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import polars as pl

from cloud_optimizer.core.contracts import QUANTILE_LEVELS, UTC_TIMESTAMP, quantile_column
from cloud_optimizer.core.forecasting.contract import FittedForecaster
from cloud_optimizer.core.panel import Panel

if TYPE_CHECKING:
    import pandas as pd

DATA_FOLDER: Final = "data"

BASE_LIBRARIES: Final = ("cloud-optimizer", "numpy", "polars", "pydantic")
FAMILY_LIBRARIES: Final[dict[str, tuple[str, ...]]] = {
    "lightgbm": ("lightgbm",),
    "xgboost": ("xgboost",),
    "catboost": ("catboost",),
    "lstm": ("torch", "safetensors"),
    "gru": ("torch", "safetensors"),
    "autotheta": ("statsforecast",),
}
OUTPUTS: Final = ("workload_id", "target", "timestamp", *map(quantile_column, QUANTILE_LEVELS))


class Savable(Protocol):
    """A fitted model that writes itself into a folder."""

    @property
    def name(self) -> str:
        """Name of the model family."""
        ...

    def save(self, folder: Path) -> None:
        """Write native files into an existing empty folder."""
        ...


def requirements(family: str) -> list[str]:
    """Exact versions of what reads the model; explicit, because MLflow's own inference takes a minute."""
    libraries = (*BASE_LIBRARIES, *FAMILY_LIBRARIES.get(family, ()))
    return [f"{name}=={found}" for name in libraries if (found := _installed(name)) is not None]


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def write_model(folder: Path, fitted: Savable, example: Panel | None, model_id: str, run_id: str) -> None:
    """Write an MLflow model folder: MLmodel, requirements, signature, input example, and `data/` with the model."""
    from mlflow.models import Model

    saved = folder / "saved"
    saved.mkdir(parents=True)
    fitted.save(saved)
    frame = None if example is None else input_frame(example)
    python_functions().save_model(
        path=folder / "model",
        mlflow_model=Model(model_id=model_id, run_id=run_id),
        loader_module=__name__,
        data_path=saved,
        signature=None if example is None else signature(tuple(example.columns)),
        input_example=frame,
        pip_requirements=requirements(fitted.name),
    )


def python_functions() -> Any:
    """Import mlflow.pyfunc without the warnings it gives about its own type hints."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        import mlflow.pyfunc
    return mlflow.pyfunc


def signature(columns: Sequence[str]) -> Any:
    """Signature of the Python function: a long frame of the past in, forecast quantiles out; values may be missing."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec

    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.string, "workload_id"),
        ColSpec(DataType.datetime, "timestamp"),
    ]
    inputs += [ColSpec(DataType.double, name, required=False) for name in columns]
    kinds = {"workload_id": DataType.string, "target": DataType.string, "timestamp": DataType.datetime}
    outputs: list[ColSpec | TensorSpec] = [ColSpec(kinds.get(name, DataType.double), name) for name in OUTPUTS]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))


def input_frame(panel: Panel) -> "pd.DataFrame":
    """The panel as the long frame the Python function takes; timestamps are UTC without a zone."""
    frame = panel.to_frame().with_columns(pl.col("timestamp").dt.replace_time_zone(None))
    return frame.with_columns(pl.col(pl.Float32).cast(pl.Float64)).to_pandas()


class ForecastFunction:
    """What `mlflow.pyfunc.load_model` wraps: forecasts the intervals after the end of the frame it is given."""

    def __init__(self, fitted: FittedForecaster) -> None:
        self.fitted = fitted

    def predict(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        """Forecast every workload of a long frame (workload_id, timestamp in UTC, roll-up columns)."""
        panel = _panel_of(frame)
        forecast = self.fitted.predict(panel, panel.end).to_frame(cluster="", model_version="")
        return forecast.select(OUTPUTS).with_columns(pl.col("timestamp").dt.replace_time_zone(None)).to_pandas()


def _panel_of(frame: "pd.DataFrame") -> Panel:
    long = pl.from_pandas(frame).with_columns(pl.col("timestamp").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
    times = long["timestamp"].cast(UTC_TIMESTAMP).unique().sort()
    gaps = times.diff().drop_nulls()
    step = gaps.min() if len(gaps) else timedelta(hours=1)
    assert isinstance(step, timedelta)
    columns = [name for name in long.columns if name not in {"workload_id", "timestamp"}]
    return Panel.from_frame(long, columns, times[0], times[-1] + step, step)


def _load_pyfunc(path: str) -> ForecastFunction:
    from cloud_optimizer.core.forecasting.families import load_fitted

    return ForecastFunction(load_fitted(Path(path)))
