"""What a recommendation is made from: frames of one cluster and what is known about their trustworthiness."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final

import polars as pl

from cloud_optimizer.core.contracts import DAY, FORECAST_SCHEMA, UTC_TIMESTAMP, Resource
from cloud_optimizer.core.costs.prices import PRICE_COLUMNS, WORKLOAD_PRICE_SCHEMA
from cloud_optimizer.core.errors import InputError

PREFERENCES_SCHEMA: Final = pl.Schema(
    {
        "workload_id": pl.String(),
        "owner": pl.String(),
        "slo_class": pl.String(),  # critical, standard, batch
        "percentile": pl.Float64(),  # demand percentile that must fit, 0..1
        "headroom": pl.Float64(),  # extra capacity over the choice, a share of it
        "lookback_days": pl.Float64(),
        "in_place_resize": pl.Boolean(),
        "last_changed_at": UTC_TIMESTAMP,  # start of the cool-down
        "maintenance_weekday": pl.Int8(),  # 1 Monday .. 7 Sunday; null with a start hour: every day
        "maintenance_start_hour": pl.Int8(),  # UTC, 0..23; null: changes are welcome any time
        "maintenance_hours": pl.Float64(),
        "overlap_group": pl.String(),  # workloads whose savings are the same money
        "cpu_limit_cores": pl.Float64(),  # of one replica, as the next
        "memory_limit_bytes": pl.Float64(),
        "disk_limit_bytes_per_second": pl.Float64(),
        "network_limit_bytes_per_second": pl.Float64(),
        "oom_memory_bytes": pl.Float64(),  # limit at which a replica was killed for memory
        "horizontally_scaled": pl.Boolean(),
        "minimum_replicas": pl.Float64(),
        "maximum_replicas": pl.Float64(),
        "start_lead_minutes": pl.Float64(),  # until a new replica serves
        "hpa_target_utilization": pl.Float64(),  # of an HPA that scales on CPU / request, 0..1
    }
)
"""What is known about a workload beyond its telemetry. Everything but the key may be null or missing."""

DECLARED_PREFERENCES: Final = {
    name: kind for name, kind in PREFERENCES_SCHEMA.items() if name not in {"workload_id", "last_changed_at"}
}
"""Those that people or their scripts tell; when a size last changed, the ledger knows."""

CLASSES: Final = ("critical", "standard", "batch")
POSITIVE: Final = (
    "maintenance_hours",
    "cpu_limit_cores",
    "memory_limit_bytes",
    "disk_limit_bytes_per_second",
    "network_limit_bytes_per_second",
    "oom_memory_bytes",
    "hpa_target_utilization",
)
NOT_NEGATIVE: Final = ("minimum_replicas", "maximum_replicas", "start_lead_minutes", *PRICE_COLUMNS)
MEANINGFUL: Final = {
    "percentile": (pl.col("percentile").is_between(0, 1, closed="none"), "between 0 and 1"),
    "headroom": (pl.col("headroom").is_between(0, 10), "between 0 and 10"),
    "slo_class": (pl.col("slo_class").is_in(CLASSES), "critical, standard or batch"),
    "lookback_days": (pl.col("lookback_days").is_between(1, 90), "between 1 and 90"),
    "maintenance_weekday": (pl.col("maintenance_weekday").is_between(1, 7), "1 (Monday) to 7 (Sunday)"),
    "maintenance_start_hour": (pl.col("maintenance_start_hour").is_between(0, 23), "an hour from 0 to 23"),
    **{name: (pl.col(name) > 0, "above 0") for name in POSITIVE},
    **{name: (pl.col(name) >= 0, "0 or more") for name in NOT_NEGATIVE},
}
"""What a value must satisfy, in an expression and in words; unknown values satisfy everything."""

TOGETHER: Final = {
    frozenset({"minimum_replicas", "maximum_replicas"}): (
        pl.col("minimum_replicas") <= pl.col("maximum_replicas"),
        "has more minimum_replicas than maximum_replicas: exchange them",
    ),
    frozenset({"maintenance_weekday", "maintenance_start_hour"}): (
        pl.col("maintenance_weekday").is_null() | pl.col("maintenance_start_hour").is_not_null(),
        "has a maintenance_weekday and no maintenance_start_hour: say when its window opens",
    ),
}
"""What values must satisfy together, in an expression and in words for the others."""


@dataclass(frozen=True)
class Trust:
    """Which inputs may be relied on, as decided by champion selection, drift checks and freshness checks.

    Args:
        untrusted: Resources whose forecast must not be used: no champion, or one that failed its checks.
        drift_failed: A drift check of the cluster failed: history decides, and the record says so.
        telemetry_stale: The cluster's telemetry ended before the day's end.
    """

    untrusted: frozenset[Resource] = frozenset()
    drift_failed: bool = False
    telemetry_stale: bool = False

    def in_model(self, resource: Resource) -> bool:
        """Return whether the forecast of a resource may be used."""
        return not self.drift_failed and resource not in self.untrusted


@dataclass(frozen=True)
class RecommendationInputs:
    """One cluster as of the end of `date`.

    Args:
        cluster: Name of the cluster.
        date: The day whose end is the origin: the recommendation is for the day after.
        created_at: Time of the decision, UTC.
        history: Hourly roll-up before the origin, `ROLLUP_SCHEMA`; rows outside the lookback are ignored.
        forecast: Quantiles of the next 24 hours, `FORECAST_SCHEMA`; may be empty.
        prices: `WORKLOAD_PRICE_SCHEMA`; workloads that are missing get the settings' prices.
        preferences: `PREFERENCES_SCHEMA`, any of its columns; workloads that are missing get the settings'.
        trust: Which inputs may be relied on.
        model_version: Champion that made the forecast.
        run_id: Run that makes the recommendation.
    """

    cluster: str
    date: date
    created_at: datetime
    history: pl.DataFrame
    forecast: pl.DataFrame = field(default_factory=FORECAST_SCHEMA.to_frame)
    prices: pl.DataFrame = field(default_factory=WORKLOAD_PRICE_SCHEMA.to_frame)
    preferences: pl.DataFrame = field(default_factory=PREFERENCES_SCHEMA.to_frame)
    trust: Trust = Trust()
    model_version: str = ""
    run_id: str = ""

    @property
    def origin(self) -> datetime:
        """End of the day: only data before it counts."""
        return datetime(self.date.year, self.date.month, self.date.day, tzinfo=UTC) + DAY


def complete_preferences(inputs: RecommendationInputs) -> pl.DataFrame:
    """Return one row a workload of the history or forecast with all columns of `PREFERENCES_SCHEMA`, sorted by id.

    Raises:
        InputError: Two rows name one workload, or a percentile, headroom or class has no meaning.
    """
    given = inputs.preferences
    missing = [pl.lit(None, kind).alias(name) for name, kind in PREFERENCES_SCHEMA.items() if name not in given.columns]
    typed = given.with_columns(missing).select(PREFERENCES_SCHEMA.names()).cast(PREFERENCES_SCHEMA)
    check_preferences(typed)
    ids = pl.concat([frame["workload_id"].unique() for frame in (inputs.history, inputs.forecast)]).unique().sort()
    return ids.to_frame().join(typed, on="workload_id", how="left", maintain_order="left")


def check_preferences(preferences: pl.DataFrame) -> None:
    """Check any columns of `PREFERENCES_SCHEMA`, and prices beside them, with one row a workload.

    Raises:
        InputError: Two rows name one workload, or a value has no meaning.
    """
    keys = [name for name in ("cluster", "workload_id") if name in preferences.columns]
    twice = preferences.filter(pl.struct(keys).is_duplicated())
    if twice.height:
        raise InputError(f"Workload {twice['workload_id'][0]} is named twice: keep one of the rows.")
    for name, (rule, words) in MEANINGFUL.items():
        if name in preferences.columns:
            wrong = preferences.filter(rule.not_())
            if wrong.height:
                value, workload = wrong.select(name, "workload_id").row(0)
                raise InputError(f"{name} of workload {workload} is {value}: it must be {words}.")


def check_together(preferences: pl.DataFrame) -> None:
    """Check what is told at once; values told one after the other may contradict until the last one is there.

    Raises:
        InputError: Two values of a workload contradict each other.
    """
    for names, (rule, words) in TOGETHER.items():
        if names <= set(preferences.columns):
            wrong = preferences.filter(rule.not_())
            if wrong.height:
                raise InputError(f"Workload {wrong['workload_id'][0]} {words}.")
