"""When a day counts as different from what a model learned from."""

from datetime import timedelta
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.contracts import HOUR

Kind = Literal["data", "prediction", "target"]

KINDS: Final[tuple[Kind, ...]] = ("data", "prediction", "target")


class DriftSettings(BaseModel):
    """Effect sizes below which nothing is drift, and how far beyond a reference's own usual days a day must lie."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: timedelta = Field(default=HOUR, description="Length of an interval of the frames.")
    minimum_reference_days: int = Field(default=8, ge=4, description="Fewer days of reference judge nothing.")
    minimum_like_days: int = Field(
        default=3, ge=2, description="Reference days of the same weekday; with fewer, all days are compared."
    )
    minimum_observed_share: float = Field(
        default=0.5, gt=0.0, le=1.0, description="Known values of a day, of a usual day's; below it nothing is judged."
    )
    psi_bins: int = Field(default=10, ge=2, le=100, description="Quantile bins of the PSI.")
    psi_floor: float = Field(default=0.1, ge=0.0, description="Smallest PSI of the values that can be drift.")
    ks_floor: float = Field(
        default=0.15, ge=0.0, le=1.0, description="Smallest KS distance of deviations from the usual day."
    )
    spread_floor: float = Field(
        default=0.12, ge=0.0, le=1.0, description="Smallest KS distance of the spread around the day's level."
    )
    rhythm_floor: float = Field(
        default=0.6, ge=0.0, description="Smallest lost share of the weekly rhythm that can be drift."
    )
    category_floor: float = Field(
        default=0.25, ge=0.0, le=1.0, description="Smallest Cramer's V of a category's shares that can be drift."
    )
    workload_shift: float = Field(
        default=0.25, gt=0.0, description="Smallest relative shift of a workload's daily mean that can be drift."
    )
    workload_deviations: float = Field(
        default=4.0, gt=0.0, description="Usual deviations of its own by which a workload's daily mean must be off."
    )
    workload_share: float = Field(default=0.2, gt=0.0, le=1.0, description="Shifted workloads that make a kind drift.")
    column_deviations: float = Field(
        default=5.0,
        gt=0.0,
        description="Standard deviations beyond what the reference days reach, for columns that are counted together.",
    )
    single_deviations: float = Field(
        default=3.0, gt=0.0, description="The same for evidence that stands alone: rhythm, mix, shifted workloads."
    )
    column_share: dict[Kind, float] = Field(
        default={"data": 0.25, "prediction": 0.25, "target": 0.25},
        description="Share of the columns that must drift for the kind to drift; always at least one column.",
    )
