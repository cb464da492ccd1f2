"""What counts as a bad row, and how much of it a partition may hold before its checks fail."""

from datetime import timedelta
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cloud_optimizer.core.contracts import DAY, MEASURES

LADDER: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 10, 15, 30, 60))


class ValidationSettings(BaseModel):
    """Bounds of plausible telemetry. The defaults keep what real traces show and reject what cannot be true."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ladder: tuple[timedelta, ...] = Field(
        default=LADDER, min_length=1, description="Grid steps a cadence may be put on."
    )
    default_step: timedelta = Field(default=LADDER[1], description="Grid step where too few samples show a cadence.")
    maximum_cpu_utilization: float = Field(
        default=2.0, ge=1.0, le=100.0, description="CPU usage / capacity above it is rejected; bursts to 1.07 are real."
    )
    maximum_memory_utilization: float = Field(
        default=2.0,
        ge=1.0,
        le=100.0,
        description="Memory usage / capacity above it is rejected; ballooning to 1.3 is real.",
    )
    peak_tolerance: float = Field(
        default=0.01,
        ge=0.0,
        le=0.5,
        description="Share of the mean by which a peak may lie below it (rounding in the source).",
    )
    required_measures: tuple[str, ...] = Field(
        default=("cpu_usage_cores",), min_length=1, description="Measures without which a partition is of no use."
    )
    maximum_null_share: float = Field(default=0.05, ge=0.0, le=1.0, description="Nulls among expected values.")
    maximum_gap_share: float = Field(
        default=0.05, ge=0.0, le=1.0, description="Grid slots without a sample; a warning only."
    )
    maximum_out_of_range_share: float = Field(
        default=0.05, ge=0.0, le=1.0, description="Received rows outside their range."
    )
    maximum_duplicate_share: float = Field(
        default=0.5, ge=0.0, le=1.0, description="Received rows that repeat another."
    )
    minimum_rows: int = Field(default=1, ge=1, description="Accepted samples a partition needs.")
    freshness_limit: timedelta = Field(
        default=timedelta(hours=6),
        gt=timedelta(0),
        description="Largest age of the newest sample at the partition's end.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if list(self.ladder) != sorted(set(self.ladder)) or any(DAY % step for step in self.ladder):
            raise ValueError("ladder must hold increasing steps that divide a day, such as 5 and 60 minutes")
        unknown = sorted(set(self.required_measures) - set(MEASURES))
        if unknown:
            raise ValueError(f"required_measures names {', '.join(unknown)}, which no sample holds")
        return self
