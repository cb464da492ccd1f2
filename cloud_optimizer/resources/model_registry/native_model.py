"""An MLflow model folder around what `FittedForecaster.save` wrote: native files and JSON, never a pickle.

What MLflow calls when it loads such a folder lives in python_function.
"""

import warnings
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Protocol

from cloud_optimizer.core.panel import Panel
from cloud_optimizer.resources.model_registry import python_function

SAVED: Final = "saved"
DATA_FOLDER: Final = f"data/{SAVED}"  # MLflow copies the folder it is given below `data`

BASE_LIBRARIES: Final = ("cloud-optimizer", "numpy", "polars", "pydantic")
FAMILY_LIBRARIES: Final[dict[str, tuple[str, ...]]] = {
    "lightgbm": ("lightgbm",),
    "xgboost": ("xgboost",),
    "catboost": ("catboost",),
    "blend": ("lightgbm", "xgboost", "catboost"),
    "lstm": ("torch", "safetensors"),
    "gru": ("torch", "safetensors"),
    "autotheta": ("statsforecast",),
    "peak_risk": ("lightgbm",),
}


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

    saved = folder / SAVED
    saved.mkdir(parents=True)
    fitted.save(saved)
    frame = None if example is None else python_function.input_frame(example)
    python_functions().save_model(
        path=folder / "model",
        mlflow_model=Model(model_id=model_id, run_id=run_id),
        loader_module=python_function.__name__,
        data_path=saved,
        signature=None
        if example is None
        else signature(tuple(example.columns), python_function.outputs_of(fitted.name)),
        input_example=frame,
        pip_requirements=requirements(fitted.name),
    )


def python_functions() -> Any:
    """Import mlflow.pyfunc without the warnings it gives about its own type hints."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        import mlflow.pyfunc
    return mlflow.pyfunc


def signature(columns: Sequence[str], outputs: Sequence[str]) -> Any:
    """Signature of the Python function: a long frame of the past in, a frame out; values may be missing."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec

    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.string, "workload_id"),
        ColSpec(DataType.datetime, "timestamp"),
    ]
    inputs += [ColSpec(DataType.double, name, required=False) for name in columns]
    kinds = {
        "workload_id": DataType.string,
        "target": DataType.string,
        "timestamp": DataType.datetime,
        "origin": DataType.datetime,
    }
    results: list[ColSpec | TensorSpec] = [ColSpec(kinds.get(name, DataType.double), name) for name in outputs]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(results))
