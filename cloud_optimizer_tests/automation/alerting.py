"""A platform that something happens to, and the servers that its alerts arrive at."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import polars as pl
from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    AssetKey,
    DagsterInstance,
    SensorResult,
    build_sensor_context,
    job,
    op,
)

from cloud_optimizer.assets.checks import SliceCheck, check_results
from cloud_optimizer.automation.alerts import alerts
from cloud_optimizer.core.validation import Cadence
from cloud_optimizer.partitions import Slice
from cloud_optimizer.resources.notifications import Notifications, channels_of
from cloud_optimizer.resources.telemetry.catalog import RegisteredSource
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.resources.warehouse.tables import Table
from cloud_optimizer.settings import Settings
from cloud_optimizer_tests.resources.notifications.servers import SmtpServer, WebhookServer

HOUR = timedelta(hours=1)


@job
def complete_partition() -> None:
    @op
    def demand_forecast() -> None:
        try:
            raise ConnectionError("the model registry at models.example.org cannot be reached")
        except ConnectionError as error:
            raise RuntimeError("forecasting failed") from error

    demand_forecast()


@dataclass
class Catalog:
    """The registered sources."""

    sources: list[RegisteredSource] = field(default_factory=list)

    def entries(self) -> Sequence[RegisteredSource]:
        return self.sources


@dataclass
class Platform:
    """What the sensor looks at and sends to; `now` starts at the real time, which Dagster stamps events with."""

    instance: DagsterInstance
    warehouse: Warehouse
    hook: WebhookServer
    mail: SmtpServer
    settings: Settings
    telemetry: Catalog = field(default_factory=Catalog)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    cursor: str | None = None

    def look(self) -> SensorResult:
        resources = {
            "settings": self.settings,
            "warehouse": self.warehouse,
            "telemetry": self.telemetry,
            "notifications": Notifications(channels_of(self.settings.notifications)),
            "clock": lambda: self.now,
        }
        with build_sensor_context(self.instance, cursor=self.cursor, resources=resources) as context:
            result = alerts(context)
        self.cursor = result.cursor
        return result

    def store(self, table: Table, row: dict[str, object]) -> None:
        day = row["date"] if "date" in row else row["timestamp"].date()
        columns = [pl.lit(row.get(name)).cast(kind).alias(name) for name, kind in table.schema.items()]
        self.warehouse.replace("web", day, day + timedelta(days=1), {table: pl.select(columns)})

    @property
    def texts(self) -> list[str]:
        return [payload["text"] for payload in self.hook.payloads]


def check(platform: Platform, asset: str, name: str, severity: AssetCheckSeverity, passed: bool = False) -> None:
    day, words = date(2026, 3, 1), "the newest sample is 9:00:00 old"
    (result,) = check_results(asset, [SliceCheck(name, Slice("web", day, day), passed, words)], {name: True})
    event = AssetCheckEvaluation(
        asset_key=AssetKey(asset),
        check_name=name,
        passed=passed,
        severity=severity,
        description=words,
        metadata=result.metadata,
    )
    platform.instance.report_runless_asset_event(event)


def source(kind: str, days_ago: int, now: datetime) -> RegisteredSource:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return RegisteredSource("web", kind, {}, start, now - days_ago * 24 * HOUR, Cadence(HOUR, True, ""))
