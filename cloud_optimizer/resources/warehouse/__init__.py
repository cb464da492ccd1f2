"""The warehouse: telemetry and results in PostgreSQL, whole days of a cluster at a time."""

from cloud_optimizer.resources.postgres.connection import WarehouseUnavailable
from cloud_optimizer.resources.warehouse.queries import query_names
from cloud_optimizer.resources.warehouse.tables import (
    ACCURACY,
    CHAMPIONS,
    CLEAN_SAMPLES,
    COST_LINES,
    DRIFT,
    FORECASTS,
    HOURS,
    QUARANTINE,
    RAW_SAMPLES,
    REALISED_SAVINGS,
    RECOMMENDATIONS,
    TABLES,
    Table,
)
from cloud_optimizer.resources.warehouse.warehouse import Warehouse

__all__ = [
    "ACCURACY",
    "CHAMPIONS",
    "CLEAN_SAMPLES",
    "COST_LINES",
    "DRIFT",
    "FORECASTS",
    "HOURS",
    "QUARANTINE",
    "RAW_SAMPLES",
    "REALISED_SAVINGS",
    "RECOMMENDATIONS",
    "TABLES",
    "Table",
    "Warehouse",
    "WarehouseUnavailable",
    "query_names",
]
