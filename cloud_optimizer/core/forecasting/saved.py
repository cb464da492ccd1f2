"""The JSON description beside a saved model's native files: family, settings, features and what calibrates it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.contract import ForecastSettings

DESCRIPTION_FILE: Final = "forecaster.json"


class Description(BaseModel):
    """What `forecaster.json` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str = Field(description="Key of FORECASTERS.")
    settings: ForecastSettings
    features: tuple[str, ...] = Field((), description="Features of the design it learned from, where it reads one.")
    state: dict[str, Any] = Field(default_factory=dict, description="What the family keeps beside native files.")


def write_description(
    folder: Path,
    family: str,
    settings: ForecastSettings,
    features: tuple[str, ...] = (),
    state: Mapping[str, Any] | None = None,
) -> None:
    """Write `forecaster.json`; `state` must be JSON."""
    description = Description(family=family, settings=settings, features=features, state=dict(state or {}))
    (folder / DESCRIPTION_FILE).write_text(description.model_dump_json(indent=1), encoding="utf-8")


def read_description(folder: Path) -> Description:
    """Read `forecaster.json`.

    Raises:
        InputError: The folder holds no saved forecaster.
    """
    path = folder / DESCRIPTION_FILE
    if not path.is_file():
        msg = f"{folder} holds no saved forecaster: {DESCRIPTION_FILE} is missing"
        raise InputError(msg)
    return Description.model_validate_json(path.read_text(encoding="utf-8"))


def read_settings(folder: Path) -> ForecastSettings:
    """Read the settings of a saved forecaster."""
    return read_description(folder).settings
