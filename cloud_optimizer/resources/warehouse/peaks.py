"""What the peak-risk models said, and which model was trained when."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from psycopg import sql

from cloud_optimizer.core.peak_risk.records import PEAK_RISK_MODEL_SCHEMA, PEAK_RISK_SCHEMA
from cloud_optimizer.resources.warehouse.tables import Table
from cloud_optimizer.resources.warehouse.warehouse import Warehouse

PEAK_RISK_MODELS: Final = Table("peak_risk_models", PEAK_RISK_MODEL_SCHEMA, "date", ("date",))
PEAK_RISKS: Final = Table("peak_risks", PEAK_RISK_SCHEMA, "date", ("date", "target", "workload_id"))
NEWEST: Final = sql.SQL("SELECT {} FROM peak_risk_models WHERE cluster = {} AND date <= {} ORDER BY date DESC LIMIT 1")


def peak_risk_model_as_of(warehouse: Warehouse, cluster: str, day: date) -> Mapping[str, Any] | None:
    """Return the row of the newest model by the end of a day; None where none was trained by then."""
    columns = sql.SQL(", ").join(map(sql.Identifier, PEAK_RISK_MODELS.schema))
    rows = warehouse.frame(NEWEST.format(columns, sql.Literal(cluster), sql.Literal(day)))
    return next(iter(rows.cast(PEAK_RISK_MODELS.schema).to_dicts()), None)
