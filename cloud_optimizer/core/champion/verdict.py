"""What the champion gate is given and what it answers."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.evaluation.metrics import Float64Array


class ChampionSettings(BaseModel):
    """How much better a model has to be, and how sure we want to be of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: float = Field(default=0.05, gt=0, lt=0.5, description="Chance of promoting any candidate that is no better.")
    minimum_gain: float = Field(default=0.01, ge=0, lt=1, description="Share of the incumbent's loss to be saved.")
    shortage_price: float = Field(
        default=64.0, ge=0, le=10_000, description="Cost of a unit of unmet demand, in costs of providing it."
    )
    cost_tolerance: float = Field(default=0.0, ge=0, le=0.2, description="Share by which decision cost may rise.")
    minimum_days: int = Field(default=5, ge=2, le=365, description="Days of losses below which nobody is deposed.")
    resamples: int = Field(default=1000, ge=100, le=100_000, description="Bootstrap resamples.")
    seed: int = Field(default=0, ge=0, description="Seed of the bootstrap: equal losses give an equal verdict.")


@dataclass(frozen=True)
class Contender:
    """A model with its losses on the frozen out-of-time window.

    Args:
        name: Name of the family, or whatever tells models apart.
        losses: Sum of the loss of each workload and day, [n, D], NaN where it was not scored; None when it failed.
        costs: Decision cost (provision and priced shortage) of each workload and day, [n, D], in any
            one unit; None where it was not priced.
        failure: Why there are no losses.
    """

    name: str
    losses: Float64Array | None
    costs: Float64Array | None = None
    failure: str | None = None


@dataclass(frozen=True)
class CandidateResult:
    """How one candidate did. What could not be computed is None.

    Args:
        name: The candidate.
        passed: It may become champion.
        score: Sum of loss / sum of demand.
        gain: Share of the yardstick's loss it saves, pooled.
        typical_gain: The same with every workload counting alike; what the test is about.
        typical_gain_lower: Lower end of its one-sided confidence interval.
        p_value: Of "the candidate is no better", before Holm.
        p_adjusted: After Holm over the candidates.
        diebold_mariano: Statistic on pooled daily losses; positive favours the candidate.
        diebold_mariano_p: Its one-sided p-value.
        cost_change: Relative change of the decision cost; negative is cheaper.
        reasons: In words.
    """

    name: str
    passed: bool
    reasons: tuple[str, ...]
    score: float | None = None
    gain: float | None = None
    typical_gain: float | None = None
    typical_gain_lower: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    diebold_mariano: float | None = None
    diebold_mariano_p: float | None = None
    cost_change: float | None = None


@dataclass(frozen=True)
class ChampionVerdict:
    """The decision for one resource.

    Args:
        resource: `cpu` or `memory`.
        promoted: Somebody new is champion.
        champion: Name of the champion from now on; None where there is none.
        incumbent: Name of the champion before.
        score: Sum of loss / sum of demand of `champion`; None where it has no losses.
        incumbent_score: The same of `incumbent`.
        candidates: How every candidate did, best score first, failed ones last.
        reasons: The decision in words.
    """

    resource: str
    promoted: bool
    champion: str | None
    incumbent: str | None
    score: float | None
    incumbent_score: float | None
    candidates: tuple[CandidateResult, ...]
    reasons: tuple[str, ...]

    @property
    def reason(self) -> str:
        """All reasons in one line."""
        return " ".join(self.reasons)
