"""Preferences of the recommendations; prices are in `costs.prices`, the objective in `sizing.objective`."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.costs.prices import PriceSettings
from cloud_optimizer.core.recommendations.risk import RiskBands
from cloud_optimizer.core.replicas import ReplicaSettings
from cloud_optimizer.core.sizing.objective import MEMORY_SIZING, SizingSettings, SloClass
from cloud_optimizer.core.sizing.recent import RecentSettings


class HistorySettings(BaseModel):
    """How past demand is read, and when it is too little."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recent: RecentSettings = Field(
        default=RecentSettings(lookback=timedelta(days=28), daily_decay=0.7, long_memory=0.4),
        description="Lookback, and the weights of its days.",
    )
    minimum_hours: int = Field(default=24, ge=1, description="Observed hours below which nothing is recommended.")
    confident_days: float = Field(default=7.0, ge=0, description="Lookback below which confidence is low.")
    confident_completeness: float = Field(
        default=0.8, ge=0, le=1, description="Share of samples below which confidence is low."
    )
    least_completeness: float = Field(default=0.3, ge=0, le=1, description="Share of samples below which we hold.")
    stale_after_hours: float = Field(default=6.0, gt=0, description="Silence before the day's end that makes us hold.")
    saturated_utilization: float = Field(
        default=0.98, gt=0, le=1, description="Utilization from which usage is cut off by the capacity itself."
    )
    saturated_factor: float = Field(
        default=1.1, ge=1, le=4, description="Demand taken to stand behind saturated usage, as a multiple of it."
    )
    oom_factor: float = Field(default=1.25, ge=1, le=4, description="Memory after an OOM kill / limit that was hit.")


class FallbackSettings(BaseModel):
    """The robust policy that stands in for a forecast."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    percentile: float = Field(gt=0, lt=1, description="Percentile of history that must fit.")
    headroom: float = Field(ge=0, le=4, description="Headroom over that percentile.")


class MemoryGuardSettings(BaseModel):
    """The least memory: a shortage of it kills, however short it is, so that the highest peaks count.

    The defaults are the rule that a study of the Bitbrains fleet found best: highest peak of 7 days * 1.15, plus a
    quarter of the standard deviation of the daily peaks, plus 2 % of the capacity.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: int = Field(default=7, ge=1, le=90, description="Days whose peaks count.")
    margin: float = Field(default=0.15, ge=0, le=4, description="Margin over the highest peak.")
    deviations: float = Field(default=0.25, ge=0, le=10, description="Standard deviations of the daily peaks on top.")
    capacity_share: float = Field(default=0.02, ge=0, le=1, description="Share of the present capacity on top.")


class PoolSettings(BaseModel):
    """How history and forecast are pooled where the forecast is trusted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    forecast_weight: float = Field(ge=0, le=1, description="Weight of the forecast against history.")
    least_share: float = Field(
        default=0.001, gt=0, lt=0.1, description="Share of the time that what one of them has seen is given at least."
    )
    surge_share: float = Field(
        default=0.0015, ge=0, lt=0.1, description="Share of the time given to surges that neither of them shows."
    )
    peak_weight: float = Field(
        default=0.1, ge=0, le=1, description="Share of an hour's samples taken to lie at its peak, not at its mean."
    )


class RecommendationSettings(BaseModel):
    """How sizes are chosen, checked and written down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu: SizingSettings = Field(default=SizingSettings(), description="Objective of CPU, in cores.")
    memory: SizingSettings = Field(
        default=MEMORY_SIZING.model_copy(update={"percentile": 0.99}), description="Objective of memory."
    )
    memory_guard: MemoryGuardSettings = Field(default=MemoryGuardSettings(), description="Least memory.")
    prices: PriceSettings = Field(default=PriceSettings(), description="Prices of workloads without their own.")
    replicas: ReplicaSettings = Field(default=ReplicaSettings(), description="Horizontally scaled workloads.")
    risk_bands: RiskBands = Field(default=RiskBands(), description="Words for a risk.")
    history: HistorySettings = Field(default=HistorySettings(), description="How past demand is read.")
    slo_class: SloClass = Field(default="standard", description="SLO class of workloads without their own.")
    cpu_pool: PoolSettings = Field(
        default=PoolSettings(forecast_weight=0.7), description="How history and forecast of CPU are pooled."
    )
    memory_pool: PoolSettings = Field(
        default=PoolSettings(forecast_weight=0.3, least_share=0.0001, surge_share=0.0003),
        description="How history and forecast of memory are pooled.",
    )
    cpu_fallback: FallbackSettings = Field(
        default=FallbackSettings(percentile=0.99, headroom=0.1), description="CPU where no model is trusted."
    )
    memory_fallback: FallbackSettings = Field(
        default=FallbackSettings(percentile=0.999, headroom=0.15),
        description="Memory where no model is trusted; higher than CPU, as a shortage of it kills.",
    )
    option_factor: float = Field(
        default=8.0, gt=1, le=1000, description="Shortage price of the conservative option, as a multiple."
    )
    cpu_step_cores: float = Field(default=0.001, gt=0, description="CPU sizes are rounded up to it.")
    memory_step_bytes: float = Field(default=2.0**20, gt=0, description="Memory sizes are rounded up to it.")
    minimum_monthly_saving: float = Field(default=0.0, ge=0, description="Saving a decrease must bring, else we hold.")
    idle_utilization: float = Field(default=0.02, ge=0, le=1, description="Highest CPU utilization of an idle one.")
    idle_network_bytes_per_second: float = Field(
        default=60.0, ge=0, description="Highest mean network traffic of an idle workload (5 MB a day)."
    )
    seasonal_ratio: float = Field(
        default=2.0, gt=1, description="Usual peak of the busiest hour of day over the usual peak: a seasonal one."
    )
    in_place_resize: bool = Field(default=False, description="Whether sizes change without a restart by default.")
    validity: timedelta = Field(default=DAY, gt=timedelta(0), description="How long a recommendation stands.")
