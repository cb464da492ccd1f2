"""Did the champion forecast a day worse than it did when it was promoted?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.contracts import TARGETS


class PerformanceSettings(BaseModel):
    """How much worse than promised a day's forecast must be to count."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ratio: float = Field(
        default=1.75,
        gt=1.0,
        le=20.0,
        description="WAPE of the day, in multiples of the expected one; stable simulated days reach 1.67.",
    )
    minimum_increase: float = Field(
        default=0.05, ge=0.0, le=5.0, description="WAPE above the expected one below which nobody would notice."
    )
    minimum_observations: int = Field(
        default=48, ge=1, description="Compared workload-intervals of a target below which a day says nothing."
    )


@dataclass(frozen=True)
class ResourcePerformance:
    """How the champion of one resource did.

    Args:
        resource: cpu or memory.
        judged: False where too little could be compared, or where nothing was promised.
        degraded: The day's loss is clearly above the expected one.
        reason: Why, in one sentence.
        wape: WAPE of the day, mean over the resource's targets; None where it is unknown.
        expected_wape: WAPE on the window on which the champion was chosen; None where it is unknown.
    """

    resource: str
    judged: bool
    degraded: bool
    reason: str
    wape: float | None = None
    expected_wape: float | None = None


@dataclass(frozen=True)
class PerformanceVerdict:
    """How the champions of a cluster did on one day."""

    cluster: str
    date: date
    resources: Mapping[str, ResourcePerformance] = field(default_factory=dict)

    @property
    def degraded(self) -> bool:
        """Whether the forecast of any resource degraded."""
        return any(found.degraded for found in self.resources.values())

    @property
    def judged(self) -> bool:
        """Whether any resource could be judged."""
        return any(found.judged for found in self.resources.values())

    @property
    def reasons(self) -> tuple[str, ...]:
        """What was found for each resource."""
        return tuple(found.reason for found in self.resources.values())


def performance_verdict(
    cluster: str,
    day: date,
    accuracy: pl.DataFrame,
    champions: pl.DataFrame,
    settings: PerformanceSettings | None = None,
) -> PerformanceVerdict:
    """Compare the loss of a day with the loss expected at promotion.

    Example: expected WAPE 0.20, ratio 1.75: a day at 0.36 degraded, one at 0.34 did not; expected 0.02, a day at 0.04
    did not either, since 0.02 more is below the minimum increase.

    Args:
        cluster: Cluster name.
        day: The day that was forecast.
        accuracy: `ACCURACY_SCHEMA` rows; those of other days and of other models than the champion are left out.
        champions: `CHAMPION_SCHEMA` rows in force when the day was forecast, one a resource.
        settings: Thresholds.
    """
    settings = settings or PerformanceSettings()
    today = accuracy.filter(pl.col("cluster") == cluster, pl.col("date") == day)
    rows = champions.filter(pl.col("cluster") == cluster).iter_rows(named=True)
    found = {row["resource"]: _judge(today, row, settings) for row in rows}
    return PerformanceVerdict(cluster, day, found)


def _judge(today: pl.DataFrame, champion: Mapping[str, object], settings: PerformanceSettings) -> ResourcePerformance:
    resource = str(champion["resource"])
    targets = [target.name for target in TARGETS if target.resource == resource]
    same_model = pl.all_horizontal(pl.col(name) == champion[name] for name in ("model", "model_version"))
    scored = today.filter(same_model, pl.col("target").is_in(targets), pl.col("wape").is_not_null())
    enough = scored.filter(pl.col("observations") >= settings.minimum_observations)
    expected = champion["expected_wape"]
    if enough.is_empty() or not isinstance(expected, float):
        compared = int(scored["observations"].sum())
        why = "no loss was recorded at its promotion" if enough.height else f"{compared} values could be compared"
        return ResourcePerformance(resource, False, False, f"{resource} was not judged: {why}")
    wape = float(enough["wape"].mean() or 0.0)  # type: ignore[arg-type]  # the mean of floats is a float
    limit = max(settings.ratio * expected, expected + settings.minimum_increase)
    degraded = wape > limit
    words = f"{resource}: {champion['model']} has a WAPE of {wape:.3f}, expected {expected:.3f}, limit {limit:.3f}"
    return ResourcePerformance(resource, True, degraded, words, wape, expected)
