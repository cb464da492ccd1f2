"""One recommendation for each workload of a cluster, from what is known at the end of a day."""

import uuid
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.core.explanation import explain
from cloud_optimizer.core.recommendations.decision import decision_table
from cloud_optimizer.core.recommendations.findings import finding, insufficient, is_changed, is_resized, reason_codes
from cloud_optimizer.core.recommendations.inputs import RecommendationInputs, complete_preferences
from cloud_optimizer.core.recommendations.money import money
from cloud_optimizer.core.recommendations.options import options
from cloud_optimizer.core.recommendations.risk import risk_word, worst
from cloud_optimizer.core.recommendations.settings import RecommendationSettings
from cloud_optimizer.core.records import RECOMMENDATION_SCHEMA

ALGORITHM: Final = "expected_cost"  # least expected cost of the blend of forecast and history
PARTLY_FALLBACK: Final = {"memory": "expected_cost_cpu", "cpu": "expected_cost_memory"}
"""Algorithm by the resource that has a history and no forecast to rely on, where the other one has."""
FALLBACK_ALGORITHM: Final = "robust_history"  # a high percentile of history with headroom
HOLD_ALGORITHM: Final = "hold"
ALGORITHM_VERSION: Final = "1"

SLICE: Final = 4096  # workloads sized at once: bounds memory to some hundred MB whatever the cluster's size

IDENTITY_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "cloud-optimizer/recommendation")


def recommend(inputs: RecommendationInputs, settings: RecommendationSettings | None = None) -> pl.DataFrame:
    """Recommend the size of every workload for the day after `inputs.date`.

    Workloads do not influence each other, so that the result depends neither on their order nor on their company.

    Returns:
        One row a workload in `RECOMMENDATION_SCHEMA`, sorted by workload.

    Raises:
        InputError: The preferences name a workload twice, or a value of them has no meaning.
    """
    settings = settings or RecommendationSettings()
    preferences = complete_preferences(inputs)
    parts = [_records(inputs, part, settings) for part in preferences.iter_slices(SLICE)] if preferences.height else []
    return pl.concat([RECOMMENDATION_SCHEMA.to_frame(), *parts])


def recommendation_id(cluster: str, workload_id: str, day: str) -> str:
    """Return the identity of a recommendation: the same for the same workload and day, whenever it is made."""
    return str(uuid.uuid5(IDENTITY_NAMESPACE, f"{cluster}\n{workload_id}\n{day}"))


def _records(inputs: RecommendationInputs, preferences: pl.DataFrame, settings: RecommendationSettings) -> pl.DataFrame:
    table = decision_table(inputs, preferences, settings)
    records = table.select(
        workload_id=pl.col("workload_id"),
        **_identity(inputs),
        **_judgement(inputs, settings),
        **_sizes(),
        **_evidence(),
        **money(),
        **_doing(settings, inputs),
    )
    ids = [recommendation_id(inputs.cluster, name, inputs.date.isoformat()) for name in records["workload_id"]]
    named = records.with_columns(recommendation_id=pl.Series(ids, dtype=pl.String), explanation=pl.lit(""))
    typed = named.select(RECOMMENDATION_SCHEMA.names()).cast(RECOMMENDATION_SCHEMA)
    words = [explain(record) for record in typed.iter_rows(named=True)]
    return typed.with_columns(explanation=pl.Series(words, dtype=pl.String))


def _identity(inputs: RecommendationInputs) -> dict[str, pl.Expr]:
    constants = {
        "cluster": inputs.cluster,
        "date": inputs.date,
        "status": "proposed",
        "algorithm_version": ALGORITHM_VERSION,
        "model_version": inputs.model_version,
        "run_id": inputs.run_id,
    }
    return {name: pl.lit(value) for name, value in constants.items()} | {
        "created_at": pl.lit(inputs.created_at, UTC_TIMESTAMP),
        "owner": pl.col("owner"),
        "overlap_group": pl.coalesce("overlap_group", "workload_id"),
    }


def _judgement(inputs: RecommendationInputs, settings: RecommendationSettings) -> dict[str, pl.Expr]:
    alone = {name: pl.col(f"{name}_fallback") & (pl.col(f"{name}_hours") > 0) for name in ("cpu", "memory")}
    return {
        "slo_class": pl.col("slo_class").fill_null(settings.slo_class),
        "algorithm": pl.when(insufficient(settings))
        .then(pl.lit(HOLD_ALGORITHM))
        .when(pl.col("cpu_fallback") & pl.col("memory_fallback"))
        .then(pl.lit(FALLBACK_ALGORITHM))
        .when(alone["cpu"])
        .then(pl.lit(PARTLY_FALLBACK["cpu"]))
        .when(alone["memory"])
        .then(pl.lit(PARTLY_FALLBACK["memory"]))
        .otherwise(pl.lit(ALGORITHM)),
        "finding": finding(settings, inputs.trust),
        "reason_codes": reason_codes(settings, inputs.trust),
        "current_risk_cpu": pl.col("cpu_risk_current"),
        "current_risk_memory": pl.col("memory_risk_current"),
        "risk_cpu": pl.col("cpu_risk_target"),
        "risk_memory": pl.col("memory_risk_target"),
        "risk": risk_word(worst(pl.col("cpu_risk_target"), pl.col("memory_risk_target")), settings.risk_bands),
        "options": options(settings.risk_bands),
    }


def _sizes() -> dict[str, pl.Expr]:
    sizes: dict[str, pl.Expr] = {}
    for resource, unit in (("cpu", "cores"), ("memory", "bytes")):
        names = {
            "current": "current",
            "target": "recommended",
            "lower": "lower",
            "upper": "upper",
            "uncapped": "uncapped",
        }
        sizes |= {f"{name}_{resource}_{unit}": pl.col(f"{resource}_{size}") for size, name in names.items()}
        sizes[f"projected_{resource}_utilization"] = pl.col(f"{resource}_utilization")
    return sizes | {
        "current_cpu_limit_cores": pl.col("cpu_limit_cores"),
        "current_memory_limit_bytes": pl.col("memory_limit_bytes"),
        "current_replicas": pl.col("replicas"),
        "recommended_replicas": pl.coalesce("planned_replicas", "replicas"),
        "recommended_hpa_target_cpu_cores": pl.col("hpa_target"),
        "replica_schedule": pl.col("replica_schedule"),
    }


def _evidence() -> dict[str, pl.Expr]:
    spread = {
        f"{resource}_{level}_{unit}": pl.col(f"{resource}_{level}")
        for resource, unit in (("cpu", "cores"), ("memory", "bytes"))
        for level in ("p50", "p95", "p99", "max")
    }
    names = ("lookback_days", "samples", "completeness", "currency")
    return spread | {name: pl.col(name) for name in names}


def _doing(settings: RecommendationSettings, inputs: RecommendationInputs) -> dict[str, pl.Expr]:
    """Return what it takes to make the change, and until when it may be made."""
    in_place = pl.col("in_place_resize").fill_null(settings.in_place_resize)
    has_hpa = pl.col("hpa_target_utilization").is_not_null()
    effort = (
        pl.when(has_hpa)
        .then(pl.lit("high"))
        .when(in_place | ~is_resized())
        .then(pl.lit("low"))
        .otherwise(pl.lit("medium"))
    )
    return {
        "restart_needed": is_resized() & ~in_place,
        "effort": pl.when(is_changed()).then(effort).otherwise(pl.lit("none")),
        **_dates(settings.validity, inputs.origin),
    }


def _dates(validity: timedelta, origin: datetime) -> dict[str, pl.Expr]:
    """Return the next maintenance window of a change, and until when it may be made: at least until that has closed."""
    midnight = pl.lit(origin, UTC_TIMESTAMP)
    days = ((pl.col("maintenance_weekday") - origin.isoweekday()) % 7).fill_null(0)
    opens = midnight + pl.duration(days=days, hours=pl.col("maintenance_start_hour"))
    closes = opens + pl.duration(minutes=pl.col("maintenance_hours").fill_null(1.0) * 60.0)
    return {
        "window_start": pl.when(is_changed()).then(opens),
        "window_end": pl.when(is_changed()).then(closes),
        "valid_until": pl.max_horizontal(midnight + validity, pl.when(is_changed()).then(closes)),
    }
