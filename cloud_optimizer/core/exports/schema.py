"""The JSON schema of an exported recommendation, made from the record's schema; docs/schemas holds its text."""

import json
from typing import Any, Final

import polars as pl

from cloud_optimizer.core.recommendations.findings import FINDINGS, REASON_CODES
from cloud_optimizer.core.recommendations.options import RANKED
from cloud_optimizer.core.recommendations.risk import RISK_WORDS
from cloud_optimizer.core.records import RECOMMENDATION_SCHEMA

Schema = dict[str, Any]

WORDS: Final = {
    "status": ("proposed", "accepted", "dismissed", "applied", "reverted", "expired"),
    "algorithm": ("expected_cost", "expected_cost_cpu", "expected_cost_memory", "robust_history", "hold"),
    "slo_class": ("critical", "standard", "batch"),
    "finding": FINDINGS,
    "risk": RISK_WORDS,
    "effort": ("none", "low", "medium", "high"),
}
"""Columns with a fixed vocabulary."""

ALWAYS: Final = (
    "recommendation_id",
    "cluster",
    "workload_id",
    "date",
    "created_at",
    "valid_until",
    "status",
    "algorithm",
    "algorithm_version",
    "slo_class",
    "finding",
    "reason_codes",
    "explanation",
    "effort",
    "restart_needed",
    "options",
)
"""Columns that are never null."""

MEANINGS: Final = {
    "recommendation_id": "Identity: the same for the same cluster, workload and day, whenever it is made.",
    "cluster": "Cluster of the workload.",
    "workload_id": "What is sized.",
    "date": "Day whose end is the origin: the recommendation is for the day after it.",
    "created_at": "When it was made, UTC.",
    "valid_until": "When it expires; with a maintenance window not before the next one ends.",
    "window_start": "When the next maintenance window opens, where a change waits for one.",
    "window_end": "When that window closes.",
    "status": "What people did with it.",
    "algorithm": "expected_cost: forecast and history, least expected cost; robust_history: no forecast to rely on; "
    "expected_cost_cpu and expected_cost_memory: a forecast of that resource alone.",
    "algorithm_version": "Version of the algorithm.",
    "model_version": "Model behind the forecast, as in the model registry.",
    "run_id": "Run that made it.",
    "owner": "Who answers for the workload.",
    "slo_class": "How much a shortage costs.",
    "finding": "What is said about the workload in a word.",
    "reason_codes": "Why, in codes.",
    "explanation": "Why, in plain words with the figures.",
    "current_cpu_cores": "Present CPU capacity, total over replicas.",
    "current_memory_bytes": "Present memory capacity, total over replicas.",
    "current_cpu_limit_cores": "CPU limit of one replica, where one apart from the request is known.",
    "current_memory_limit_bytes": "Memory limit of one replica, where one apart from the request is known.",
    "current_replicas": "Replicas running; null is one.",
    "recommended_cpu_cores": "CPU to provide, total over the recommended replicas.",
    "recommended_memory_bytes": "Memory to provide, total over the recommended replicas.",
    "recommended_replicas": "Replicas that hold the whole day.",
    "recommended_hpa_target_cpu_cores": "Autoscaler target, mean cores of a replica (averageValue).",
    "replica_schedule": "Replicas by hour of the next day, UTC, and when to ask for them, start lead time included.",
    "lower_cpu_cores": "CPU below which a change pays.",
    "upper_cpu_cores": "CPU above which a change pays.",
    "uncapped_cpu_cores": "Best CPU before floors, step limits and the price of a change.",
    "lower_memory_bytes": "Memory below which a change pays.",
    "upper_memory_bytes": "Memory above which a change pays.",
    "uncapped_memory_bytes": "Best memory before floors, step limits and the price of a change.",
    "current_risk_cpu": "Expected share of the next day with CPU demand above the present capacity.",
    "current_risk_memory": "Expected share of the next day with memory demand above the present capacity.",
    "risk_cpu": "Expected share of the next day with CPU demand above the recommended capacity.",
    "risk_memory": "Expected share of the next day with memory demand above the recommended capacity.",
    "risk": "The higher of both risks in a word.",
    "currency": "ISO 4217 code of all money.",
    "list_monthly_cost_before": "Cost of the present size for 730 hours at list prices.",
    "list_monthly_cost_after": "Cost of the recommended size for 730 hours at list prices.",
    "monthly_cost_before": "Cost of the present size for 730 hours at effective prices.",
    "monthly_cost_after": "Cost of the recommended size for 730 hours at effective prices.",
    "monthly_saving": "monthly_cost_before - monthly_cost_after: at most the cost before, negative for an increase.",
    "monthly_saving_lower": "Saving if the size had to end at its upper bound.",
    "monthly_saving_upper": "Saving if the size may end at its lower bound.",
    "lookback_days": "Days from the first sample used to the origin.",
    "samples": "Samples in state on behind the recommendation.",
    "completeness": "Share of the expected samples that were received.",
    **{
        f"{resource}_{level}_{unit}": f"{words} of {resource.upper() if resource == 'cpu' else resource} usage seen."
        for resource, unit in (("cpu", "cores"), ("memory", "bytes"))
        for level, words in (
            ("p50", "Median"),
            ("p95", "95th percentile"),
            ("p99", "99th percentile"),
            ("max", "Maximum"),
        )
    },
    "projected_cpu_utilization": "Expected mean use / recommended CPU on the next day.",
    "projected_memory_utilization": "Expected mean use / recommended memory on the next day.",
    "effort": "Work the change takes.",
    "restart_needed": "Whether the change restarts the workload.",
    "overlap_group": "Recommendations of one group claim the same money: their saving counts once.",
    "options": "Up to three sizes by rank; the first is the recommendation.",
}


def recommendation_json_schema() -> Schema:
    """Return the JSON schema (draft 2020-12) of one record as `export(..., "json")` writes it."""
    properties = {
        name: {"description": MEANINGS[name], **_column(name, kind)} for name, kind in RECOMMENDATION_SCHEMA.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Recommendation",
        "description": "One recommendation for one workload, CPU and memory together. Unknown is null, never 0.",
        "type": "object",
        "properties": properties,
        "required": list(RECOMMENDATION_SCHEMA),
        "additionalProperties": False,
    }


def schema_text() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(recommendation_json_schema(), indent=2) + "\n"


def _column(name: str, kind: pl.DataType) -> Schema:
    special = {"reason_codes": _REASONS, "options": _OPTIONS, "replica_schedule": _SCHEDULE}
    if name in special:
        return special[name]
    plain = _plain(kind)
    if name in WORDS:
        plain = {"enum": [*WORDS[name], *([] if name in ALWAYS else [None])]}
    elif name not in ALWAYS:
        plain = {**plain, "type": [plain["type"], "null"]}
    return plain


def _plain(kind: pl.DataType) -> Schema:
    if kind == pl.Date:
        return {"type": "string", "format": "date"}
    if kind == pl.Boolean:
        return {"type": "boolean"}
    if kind.is_temporal():
        return {"type": "string", "format": "date-time"}
    if kind.is_integer():
        return {"type": "integer", "minimum": 0}
    return {"type": "number"} if kind.is_numeric() else {"type": "string"}


_NUMBER: Final[Schema] = {"type": ["number", "null"]}

_REASONS: Final[Schema] = {"type": "array", "items": {"enum": list(REASON_CODES)}, "uniqueItems": True}

_OPTIONS: Final[Schema] = {
    "type": "array",
    "maxItems": 3,
    "items": {
        "type": "object",
        "properties": {
            "name": {"enum": [name for name, _ in RANKED]},
            "rank": {"type": "integer", "minimum": 1, "maximum": 3},
            **dict.fromkeys(
                ("cpu_cores", "memory_bytes", "monthly_cost", "monthly_saving", "risk_cpu", "risk_memory"), _NUMBER
            ),
            "risk": {"enum": [*RISK_WORDS, None]},
        },
        "required": ["name", "rank", "cpu_cores", "memory_bytes", "monthly_saving", "risk"],
        "additionalProperties": False,
    },
}

_SCHEDULE: Final[Schema] = {
    "type": ["array", "null"],
    "items": {
        "type": "object",
        "properties": {
            "hour": {"type": "integer", "minimum": 0, "maximum": 23},
            "replicas": {"type": "integer", "minimum": 0},
            "at": {"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$"},
        },
        "required": ["hour", "replicas", "at"],
        "additionalProperties": False,
    },
}
