"""Settings of a rolling-origin backtest."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.forecasting.contract import ForecastSettings


class BacktestSettings(BaseModel):
    """Where the origins of a backtest lie and how often models are fitted again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    forecast: ForecastSettings = Field(default=ForecastSettings(), description="What is forecast, how far.")
    origins: int = Field(
        default=28, ge=1, le=1000, description="The most recent origins scored; fewer where history is short."
    )
    origin_spacing: timedelta | None = Field(
        default=None,
        description="Time between origins; none means the horizon, at most a day: forecasts do not overlap.",
    )
    refit_every: timedelta = Field(
        default=timedelta(days=7), gt=timedelta(0), description="A fitted model serves this long."
    )
    minimum_history_days: int = Field(
        default=21, ge=0, le=365, description="A workload is scored once it is known that long."
    )
    training_days: int | None = Field(
        default=None, ge=1, description="Days before an origin handed to models; none means all."
    )
    baselines: bool = Field(default=True, description="Score the naive baselines beside the models.")

    @property
    def spacing(self) -> timedelta:
        """Time between origins."""
        return self.origin_spacing or min(DAY, self.forecast.horizon * self.forecast.step)
