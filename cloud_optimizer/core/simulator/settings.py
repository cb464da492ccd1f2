"""Settings of the simulated fleet."""

from datetime import UTC, date, datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cloud_optimizer.core.contracts import DAY


class SimulatorSettings(BaseModel):
    """The fleet to simulate. Everything in it is part of the identity of the samples; the range asked for is not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=7, ge=0, description="Seed of every random draw.")
    clusters: tuple[str, ...] = Field(
        default=("web-prod", "batch-prod"),
        min_length=1,
        description="Cluster names; a name that contains `batch` gets jobs and queues, any other one gets services.",
    )
    workloads_per_cluster: int = Field(default=12, ge=1, le=1000, description="Workloads in each cluster.")
    start: date = Field(
        default=date(2026, 9, 7), description="First simulated day, UTC; fixed, so that samples are stable."
    )
    days: int = Field(default=60, ge=1, le=3660, description="Simulated days; outage and regime change scale with it.")
    cadence_seconds: int = Field(default=300, ge=10, le=3600, description="Seconds between two samples; divides 3600.")
    scaling_event_share: float = Field(
        default=0.03, ge=0, le=0.3, description="Share of the hours in which the replicas of a workload change."
    )
    bad_row_share: float = Field(default=0.001, ge=0, le=0.1, description="Share of the samples that are defective.")

    @model_validator(mode="after")
    def _cadence_divides_the_hour(self) -> Self:
        if 3600 % self.cadence_seconds:
            raise ValueError(f"cadence_seconds must divide 3600, {self.cadence_seconds} does not")
        return self

    @model_validator(mode="after")
    def _cluster_names_differ(self) -> Self:
        if len(set(self.clusters)) != len(self.clusters):
            raise ValueError("two simulated clusters carry the same name")
        return self

    @property
    def cadence(self) -> timedelta:
        """Time between two samples of a workload."""
        return timedelta(seconds=self.cadence_seconds)

    @property
    def begin(self) -> datetime:
        """First simulated instant, a UTC midnight."""
        return datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """End of the simulated range, exclusive, a UTC midnight."""
        return self.begin + self.days * DAY
