"""Settings of the search for hyper-parameters."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from cloud_optimizer.core.forecasting.search_space import SEARCH_SPACES


class TuningSettings(BaseModel):
    """What is searched, on which days, for how long, and when the result may be used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    families: tuple[str, ...] = Field(
        default=("lightgbm", "xgboost", "catboost"), description="Families that are tuned; lstm and gru take longer."
    )
    trials: int = Field(default=60, ge=1, le=10_000, description="Distinct trials of a family.")
    time_box: timedelta = Field(
        default=timedelta(hours=1),
        gt=timedelta(0),
        le=timedelta(hours=24),
        description="No trial of a cluster begins after it; the families share it.",
    )
    folds: int = Field(default=3, ge=1, le=20, description="Windows on which a trial is scored, each with its own fit.")
    fold_days: int = Field(default=7, ge=1, le=60, description="Days of a window, with one origin a day.")
    history_days: int = Field(default=21, ge=8, le=365, description="Fewest days before the first window.")
    workloads: int = Field(default=100, ge=1, le=100_000, description="Workloads tuned on; of more a sample is taken.")
    startup_trials: int = Field(default=10, ge=1, le=1000, description="Random trials before the model-based ones.")
    minimum_gain: float = Field(
        default=0.005, ge=0, lt=1, description="Share of the defaults' loss that must be saved on days not searched on."
    )
    attempts: int = Field(default=3, ge=1, le=20, description="Workers a trial may lose before it is given up.")
    heartbeat_seconds: int = Field(default=10, ge=1, le=600, description="How often a worker says that it lives.")
    grace_seconds: int = Field(
        default=60,
        ge=2,
        le=3600,
        validate_default=True,
        description="Silence after which a worker's trial is lost: at least two heartbeats.",
    )
    seed: int = Field(default=0, ge=0, description="Seed of the search and of the sample of workloads.")

    @field_validator("families")
    @classmethod
    def _have_something_to_search(cls, families: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [family for family in families if family not in SEARCH_SPACES]
        if unknown:
            raise ValueError(f"{unknown[0]} has nothing to search; {', '.join(SEARCH_SPACES)} have")
        return families

    @field_validator("grace_seconds")
    @classmethod
    def _outlast_a_heartbeat(cls, grace: int, info: ValidationInfo) -> int:
        heartbeat = info.data.get("heartbeat_seconds", 1)
        if grace < 2 * heartbeat:  # a beat that is late, or lost with its connection, is no death
            raise ValueError(
                f"{grace} s of silence would fail the trials of workers that live: give at least two heartbeats, "
                f"{2 * heartbeat} s"
            )
        return grace
