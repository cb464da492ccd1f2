"""Settings of the peak-risk model."""

from datetime import timedelta
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.contracts import DAY, HOUR

Remedy = Literal["none", "class_weight", "smote", "focal"]
"""What is done about the event being rare; probabilities are calibrated afterwards in every case."""

REMEDIES: Final[tuple[Remedy, ...]] = get_args(Remedy)


class PeakRiskSettings(BaseModel):
    """What counts as an event, what the model sees and how it is fitted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    targets: tuple[str, ...] = Field(default=("cpu_peak", "memory_peak"), description="Demands that may peak.")
    threshold: float = Field(
        default=0.95, gt=0, le=2, description="Share of the current capacity that counts as reached: usage is capped."
    )
    window: timedelta = Field(default=DAY, gt=timedelta(0), description="How far ahead the event may happen.")
    origin_spacing: timedelta = Field(default=6 * HOUR, gt=timedelta(0), description="Time between training origins.")
    history_days: int = Field(default=28, ge=7, le=90, description="Days before an origin that features look at.")
    calibration_days: int = Field(default=14, ge=1, le=90, description="Most recent days, held out to calibrate.")
    maximum_rows: int = Field(default=200_000, ge=1000, description="Training rows; a larger fleet is sampled.")
    comparison_rows: int = Field(default=15_000, ge=1000, description="Rows on which remedies are compared.")
    remedy: Remedy = Field(default="class_weight", description="What is done about rarity where nothing is compared.")
    smote_share: float = Field(default=0.2, gt=0, le=1, description="Events per non-event after SMOTE.")
    focal_gamma: float = Field(default=2.0, ge=0, le=5, description="Focusing exponent of the focal loss.")
    focal_alpha: float = Field(default=0.25, gt=0, lt=1, description="Weight of events in the focal loss.")
    rounds: int = Field(default=150, ge=10, le=2000, description="Boosting rounds.")
    leaves: int = Field(default=15, ge=2, le=255, description="Leaves of a tree.")
    learning_rate: float = Field(default=0.05, gt=0, le=1, description="Shrinkage of a round.")
    seed: int = Field(default=0, ge=0, description="Seed of everything random.")
    threads: int = Field(default=1, ge=1, description="Threads; one is fastest on a busy machine.")
