"""The settings of the application: the one place that reads the environment.

Every field is also an environment variable: `CLOUD_OPTIMIZER_` and the name in capitals, nested fields joined by two
underscores (`CLOUD_OPTIMIZER_FORECAST__HORIZON=48`). Secrets come from the environment only.
"""

from datetime import date
from functools import cache
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

REPOSITORY = Path(__file__).resolve().parents[1]
STATE_FOLDER = ".cloud_optimizer"


def default_home() -> Path:
    """Return the state folder of a checkout, or of the working directory when installed without one."""
    root = REPOSITORY if (REPOSITORY / "workspace.yaml").is_file() else Path.cwd()
    return root / STATE_FOLDER


class Settings(BaseSettings):
    """Everything that can be configured, with defaults that work on a laptop."""

    model_config = SettingsConfigDict(
        env_prefix="CLOUD_OPTIMIZER_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    home: Path = Field(default_factory=default_home, description="Folder of all local state.")
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL server to use instead of the embedded one: postgresql://user:password@host/name."
    )
    mlflow_tracking_uri: str | None = Field(None, description="MLflow server; default: PostgreSQL database `mlflow`.")
    first_day: date = Field(date(2025, 1, 1), description="First daily partition; ingestion of older days moves it.")

    @property
    def server_url(self) -> str | None:
        """Return the named PostgreSQL server, or None for the embedded one."""
        return self.database_url.get_secret_value() if self.database_url else None


@cache
def load_settings() -> Settings:
    """Read the settings once per process."""
    return Settings()
