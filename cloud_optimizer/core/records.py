"""Schemas of the results the platform keeps: quarantine, champions, accuracy, drift and recommendations.

Every record carries `cluster` and the day it belongs to (`date` or `timestamp`), the two keys by which a partition
is replaced.
"""

from typing import Final

import polars as pl

from cloud_optimizer.core.contracts import KEY_SCHEMA, MEASURES, UTC_TIMESTAMP

QUARANTINE_SCHEMA: Final = pl.Schema(
    {
        **KEY_SCHEMA,
        "reason": pl.String(),  # reason code, see core.validation
        "detail": pl.String(),  # the column and value that broke the rule, in words
        **dict.fromkeys(MEASURES, pl.Float64()),  # the row as received
    }
)

CHAMPION_SCHEMA: Final = pl.Schema(
    {
        "cluster": pl.String(),
        "date": pl.Date(),
        "resource": pl.String(),  # cpu or memory
        "model": pl.String(),
        "model_version": pl.String(),  # version in the model registry; replays resolve it
        "trained_until": pl.Date(),  # last day the model learned from
        "promoted": pl.Boolean(),  # false: the incumbent was kept
        "reason": pl.String(),
        "score": pl.Float64(),  # mean pinball loss / mean demand on the common out-of-time window
        "incumbent_score": pl.Float64(),
        "expected_wape": pl.Float64(),  # on that window: what monitoring compares with
        "data_version": pl.String(),
    }
)
"""The choice as of the end of `date`."""

ACCURACY_SCHEMA: Final = pl.Schema(
    {
        "cluster": pl.String(),
        "date": pl.Date(),  # the day that was forecast
        "target": pl.String(),
        "model": pl.String(),
        "model_version": pl.String(),
        "series": pl.UInt32(),
        "observations": pl.UInt32(),
        "wape": pl.Float64(),
        "mase": pl.Float64(),
        "wql": pl.Float64(),  # weighted quantile loss over all levels
        "coverage_80": pl.Float64(),
        "coverage_95": pl.Float64(),
        "over_forecast_ratio": pl.Float64(),
        "under_forecast_ratio": pl.Float64(),
    }
)

DRIFT_SCHEMA: Final = pl.Schema(
    {
        "cluster": pl.String(),
        "date": pl.Date(),
        "kind": pl.String(),  # data, prediction or target
        "column": pl.String(),
        "statistic": pl.String(),  # psi, ks or chi_squared
        "value": pl.Float64(),
        "threshold": pl.Float64(),
        "drifted": pl.Boolean(),
    }
)

RECOMMENDATION_SCHEMA: Final = pl.Schema(
    {
        "recommendation_id": pl.String(),  # uuid5 of cluster, workload and date: a rerun keeps it
        "cluster": pl.String(),
        "workload_id": pl.String(),
        "date": pl.Date(),
        "created_at": UTC_TIMESTAMP,
        "valid_until": UTC_TIMESTAMP,
        "window_start": UTC_TIMESTAMP,  # of the maintenance window that a change waits for; null: it may be made now
        "window_end": UTC_TIMESTAMP,
        "status": pl.String(),  # proposed, accepted, dismissed, applied, reverted, expired
        "algorithm": pl.String(),
        "algorithm_version": pl.String(),
        "model_version": pl.String(),
        "run_id": pl.String(),
        "owner": pl.String(),  # whom cost_report adds the saving up for
        "slo_class": pl.String(),  # critical, standard or batch
        "finding": pl.String(),
        "reason_codes": pl.List(pl.String()),
        "explanation": pl.String(),
        "current_cpu_cores": pl.Float64(),
        "current_memory_bytes": pl.Float64(),
        "current_cpu_limit_cores": pl.Float64(),  # of one replica, where apart from the request; else null
        "current_memory_limit_bytes": pl.Float64(),
        "current_replicas": pl.Float64(),
        "recommended_cpu_cores": pl.Float64(),
        "recommended_memory_bytes": pl.Float64(),
        "recommended_replicas": pl.Float64(),
        "recommended_hpa_target_cpu_cores": pl.Float64(),  # averageValue of one replica: does not move with size
        "replica_schedule": pl.String(),  # JSON: replicas by UTC hour of the next day, lead time included
        "lower_cpu_cores": pl.Float64(),
        "upper_cpu_cores": pl.Float64(),
        "uncapped_cpu_cores": pl.Float64(),
        "lower_memory_bytes": pl.Float64(),
        "upper_memory_bytes": pl.Float64(),
        "uncapped_memory_bytes": pl.Float64(),
        "current_risk_cpu": pl.Float64(),  # the same expected share at today's capacity
        "current_risk_memory": pl.Float64(),
        "risk_cpu": pl.Float64(),  # expected share of the next day's samples above the recommended capacity
        "risk_memory": pl.Float64(),
        "risk": pl.String(),  # very_low, low, medium, high, critical
        "currency": pl.String(),
        "list_monthly_cost_before": pl.Float64(),  # at list prices; the costs below are at effective prices
        "list_monthly_cost_after": pl.Float64(),
        "monthly_cost_before": pl.Float64(),
        "monthly_cost_after": pl.Float64(),
        "monthly_saving": pl.Float64(),
        "monthly_saving_lower": pl.Float64(),
        "monthly_saving_upper": pl.Float64(),
        "lookback_days": pl.Float64(),
        "samples": pl.UInt32(),
        "completeness": pl.Float64(),
        "cpu_p50_cores": pl.Float64(),
        "cpu_p95_cores": pl.Float64(),
        "cpu_p99_cores": pl.Float64(),
        "cpu_max_cores": pl.Float64(),
        "memory_p50_bytes": pl.Float64(),
        "memory_p95_bytes": pl.Float64(),
        "memory_p99_bytes": pl.Float64(),
        "memory_max_bytes": pl.Float64(),
        "projected_cpu_utilization": pl.Float64(),
        "projected_memory_utilization": pl.Float64(),
        "effort": pl.String(),
        "restart_needed": pl.Boolean(),
        "overlap_group": pl.String(),
        "options": pl.String(),  # JSON: up to three ranked options with size, saving and risk
    }
)
"""One recommendation for one workload, CPU and memory together. Risk is calibrated: see docs/recommendations.md."""
