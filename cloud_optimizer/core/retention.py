"""How long telemetry and results are kept: a pure rule. Dropping is the warehouse's part."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

SAMPLE_TABLES: Final = ("quarantined_metrics", "raw_workload_metrics", "workload_metrics")
RESULT_TABLES: Final = ("forecasts", "workload_hours")


class RetentionSettings(BaseModel):
    """What may leave the database; nothing does unless a number of days is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sample_days: int | None = Field(None, ge=120, le=4000, description="Days of samples to keep; default: all.")
    result_days: int | None = Field(
        None, ge=120, le=4000, description="Days of hourly roll-ups and forecasts to keep; default: all."
    )
    archive: bool = Field(True, description="Write what leaves to Parquet files under the state folder first.")


def first_days_kept(settings: RetentionSettings, today: date, needed_days: int) -> Mapping[str, date]:
    """Return the first day that stays, by table; tables of which nothing leaves are left out.

    Args:
        settings: Days to keep.
        today: The present day, UTC.
        needed_days: Days before today that trainings and reports read: they stay whatever the settings say.
    """
    days = {**dict.fromkeys(SAMPLE_TABLES, settings.sample_days), **dict.fromkeys(RESULT_TABLES, settings.result_days)}
    return {name: today - timedelta(days=max(kept, needed_days)) for name, kept in days.items() if kept is not None}
