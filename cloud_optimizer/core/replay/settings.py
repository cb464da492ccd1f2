"""What a replay promises to change and when: the contract, and how its outcome is scored."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cloud_optimizer.core.contracts import Resource
from cloud_optimizer.core.replay.data import Cadence

FLOOR: dict[Resource, float] = {"cpu": 0.04, "memory": 0.0}
"""Smallest capacity of any policy: 0.04 core (0.1 GHz of a 2.6 GHz core), none for memory."""


class ReplaySettings(BaseModel):
    """Contract and scoring of one replay."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resource: Resource = Field(default="cpu", description="What is sized.")
    cadence: Cadence = Field(default="daily", description="Daily for restart-bound, hourly for in-place resizes.")
    raise_within_hour: bool = Field(
        default=False, description="Raise the capacity for the rest of the hour after a sample over it."
    )
    max_changes_per_day: int | None = Field(default=None, ge=1, description="Changes per workload and day.")
    changes_shared: bool = Field(
        default=True,
        description="The changes of a day are a budget that the cluster shares; else no workload sees more in a UTC "
        "day, which makes every size hold until midnight.",
    )
    warm_up: timedelta = Field(default=timedelta(days=8), description="History before the first scored decision.")
    apply_lag: timedelta = Field(default=timedelta(minutes=15), description="From a decision to its effect.")
    raise_lag: timedelta = Field(
        default=timedelta(0), description="From the end of the sample over capacity to the raise."
    )
    floor: float | None = Field(default=None, ge=0, description="Smallest capacity; 0.04 core or 0 bytes when null.")
    resamples: int = Field(default=1000, ge=100, le=100_000, description="Bootstrap resamples of workloads.")
    seed: int = Field(default=0, ge=0, description="Seed of the bootstrap.")

    @model_validator(mode="after")
    def _raise_needs_hours(self) -> Self:
        if self.raise_within_hour and self.cadence != "hourly":
            raise ValueError("raise_within_hour needs the hourly cadence")
        return self

    @property
    def smallest(self) -> float:
        """Smallest capacity in the resource's unit."""
        return FLOOR[self.resource] if self.floor is None else self.floor


CONTRACTS: Final[Mapping[str, ReplaySettings]] = {
    "daily": ReplaySettings(),
    "hourly": ReplaySettings(cadence="hourly", max_changes_per_day=3),
    "hourly_few_changes": ReplaySettings(cadence="hourly", max_changes_per_day=1),
    "hourly_with_raise": ReplaySettings(cadence="hourly", raise_within_hour=True),
}
"""The contracts that are reported apart, for CPU: restarts, in-place resizes, few of them, and a raise besides."""
