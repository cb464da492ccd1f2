"""The settings of the application: the one place that reads the environment.

Every field is also an environment variable: `CLOUD_OPTIMIZER_` and the name in capitals, nested fields joined by two
underscores (`CLOUD_OPTIMIZER_FORECAST__HORIZON=48`). Secrets come from the environment only.
"""

import os
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from cloud_optimizer.core.alerts.settings import AlertSettings, NotificationSettings
from cloud_optimizer.core.champion import ChampionSettings
from cloud_optimizer.core.costs.report import CostReportSettings
from cloud_optimizer.core.drift.performance import PerformanceSettings
from cloud_optimizer.core.drift.settings import DriftSettings
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.peak_risk.settings import PeakRiskSettings
from cloud_optimizer.core.recommendations.settings import RecommendationSettings
from cloud_optimizer.core.retention import RetentionSettings
from cloud_optimizer.core.retraining import RetrainingSettings
from cloud_optimizer.core.training import TrainingSettings
from cloud_optimizer.core.tuning.settings import TuningSettings
from cloud_optimizer.core.validation.settings import ValidationSettings

REPOSITORY = Path(__file__).resolve().parents[1]
ENVIRONMENT_PREFIX = "CLOUD_OPTIMIZER_"
STATE_FOLDER = ".cloud_optimizer"
FIRST_DAY_FILE = "first_day"
DEFAULT_FIRST_DAY = date(2026, 1, 1)


def default_home() -> Path:
    """Return the state folder of a checkout, or of the working directory when installed without one."""
    root = REPOSITORY if (REPOSITORY / "workspace.yaml").is_file() else Path.cwd()
    return root / STATE_FOLDER


def record_first_day(home: Path, day: date) -> None:
    """Move the first daily partition back to `day`, if it is later."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / FIRST_DAY_FILE
    if not path.is_file() or recorded_first_day(home) > day:
        partial = path.with_name(f".{FIRST_DAY_FILE}.{os.getpid()}.partial")
        partial.write_text(f"{day.isoformat()}\n")
        partial.replace(path)


def recorded_first_day(home: Path) -> date:
    """Return the first day that ingestion recorded in a state folder, or the default.

    Raises:
        InputError: The file holds something else.
    """
    path = home / FIRST_DAY_FILE
    if not path.is_file():
        return DEFAULT_FIRST_DAY
    try:
        return date.fromisoformat(path.read_text().strip())
    except ValueError as error:
        raise InputError(f"{path} does not hold a date: delete it and ingest the telemetry again.") from error


def _first_day(known: dict[str, Any]) -> date:
    return recorded_first_day(known["home"])


class Settings(BaseSettings):
    """Everything that can be configured, with defaults that work on a laptop."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    home: Path = Field(default_factory=default_home, description="Folder of all local state.")
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL server to use instead of the embedded one: postgresql://user:password@host/name."
    )
    source_database_url: SecretStr | None = Field(None, description="Database that a `postgres` source reads.")
    prometheus_token: SecretStr | None = Field(None, description="Bearer token for Prometheus.")
    redis_url: SecretStr | None = Field(
        None, description="Redis that keeps the newest features in place of PostgreSQL: redis://:password@host:6379."
    )
    mlflow_tracking_uri: str | None = Field(None, description="MLflow server; default: PostgreSQL database `mlflow`.")
    first_day: date = Field(
        default_factory=_first_day, description="First daily partition; ingesting older telemetry moves it back."
    )
    backfill_days: int | None = Field(
        None, ge=1, le=4000, description="Most partitions of a cluster in one run of a backfill; default: all of them."
    )
    replay_days: int = Field(28, ge=12, le=366, description="Days of telemetry on which policies are replayed.")
    validation: ValidationSettings = Field(ValidationSettings(), description="Bounds of plausible telemetry.")
    forecast: ForecastSettings = Field(ForecastSettings(), description="What is forecast and how far.")
    training: TrainingSettings = Field(TrainingSettings(), description="History and held-out days of a training.")
    tuning: TuningSettings = Field(TuningSettings(), description="Search for hyper-parameters.")
    peak_risk: PeakRiskSettings = Field(PeakRiskSettings(), description="When a workload counts as at its capacity.")
    champion: ChampionSettings = Field(ChampionSettings(), description="How much better a new champion must be.")
    drift_reference_days: int = Field(
        28, ge=8, le=120, description="Last days of a champion's training window that a day is compared with."
    )
    drift: DriftSettings = Field(DriftSettings(), description="When a day counts as different.")
    performance: PerformanceSettings = Field(PerformanceSettings(), description="When a forecast counts as degraded.")
    retraining: RetrainingSettings = Field(RetrainingSettings(), description="How often models are trained again.")
    alerts: AlertSettings = Field(AlertSettings(), description="What people are told, and how often.")
    notifications: NotificationSettings = Field(NotificationSettings(), description="Webhook and mail server.")
    retention: RetentionSettings = Field(RetentionSettings(), description="How long telemetry and results are kept.")
    recommendation: RecommendationSettings = Field(RecommendationSettings(), description="How sizes are chosen.")
    cost_report: CostReportSettings = Field(CostReportSettings(), description="Price of work and horizon of returns.")

    @property
    def server_url(self) -> str | None:
        """Return the named PostgreSQL server, or None for the embedded one."""
        return self.database_url.get_secret_value() if self.database_url else None

    @property
    def online_store_url(self) -> str | None:
        """Return the Redis of the newest features, or None where PostgreSQL keeps them."""
        return self.redis_url.get_secret_value() if self.redis_url else None

    @property
    def source_secrets(self) -> dict[str, str | None]:
        """Return what opens protected telemetry sources, by name."""
        secrets = {"prometheus_token": self.prometheus_token, "database_url": self.source_database_url}
        return {name: secret.get_secret_value() if secret else None for name, secret in secrets.items()}


def read_settings() -> Settings:
    """Read the settings from the environment as it is now.

    Raises:
        InputError: A variable cannot be used; the sentence names it and does not repeat its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = "__".join(str(part) for part in first["loc"]).upper()
        raise InputError(f"{ENVIRONMENT_PREFIX}{name} cannot be used: {first['msg']}.") from error
    except SettingsError as error:
        raise InputError(f"The settings cannot be read from the environment: {error}.") from error


@cache
def load_settings() -> Settings:
    """Read the settings once per process, see `read_settings`."""
    return read_settings()
