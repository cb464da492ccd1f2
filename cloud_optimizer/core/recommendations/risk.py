"""Words for the expected share of time in which demand exceeds capacity."""

from typing import Final, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

RISK_WORDS: Final = ("very_low", "low", "medium", "high", "critical")


class RiskBands(BaseModel):
    """Upper bounds of the bands; above the last one the risk is critical.

    A day has 1,440 minutes: .001 are 1.4 minutes, .005 seven, .02 half an hour, .1 nearly two and a half hours.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    very_low: float = Field(default=0.001, ge=0, le=1)
    low: float = Field(default=0.005, ge=0, le=1)
    medium: float = Field(default=0.02, ge=0, le=1)
    high: float = Field(default=0.1, ge=0, le=1)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if not self.very_low < self.low < self.medium < self.high:
            raise ValueError("risk bands must ascend: very_low < low < medium < high")
        return self

    @property
    def bounds(self) -> tuple[float, ...]:
        """The upper bounds, ascending."""
        return (self.very_low, self.low, self.medium, self.high)


def worst(*risks: pl.Expr) -> pl.Expr:
    """Return the highest known of several risks, null where none is known."""
    return pl.max_horizontal(*risks)


def risk_word(risk: pl.Expr, bands: RiskBands) -> pl.Expr:
    """Return the word of a risk: the lowest band whose bound is not exceeded; null where the risk is unknown."""
    word = pl.lit(RISK_WORDS[-1])
    for bound, name in reversed(list(zip(bands.bounds, RISK_WORDS, strict=False))):
        word = pl.when(risk <= bound).then(pl.lit(name)).otherwise(word)
    return pl.when(risk.is_not_null()).then(word)
