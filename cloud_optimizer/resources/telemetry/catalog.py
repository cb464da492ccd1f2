"""Which source each cluster's telemetry comes from, kept in the warehouse so that every process reads the same one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.simulator.settings import SimulatorSettings
from cloud_optimizer.core.telemetry.prometheus import PrometheusSettings
from cloud_optimizer.core.validation import Cadence, detect_cadence
from cloud_optimizer.resources.postgres.connection import connect
from cloud_optimizer.resources.telemetry.base import TelemetrySource
from cloud_optimizer.resources.telemetry.postgres import PostgresSettings, PostgresSource
from cloud_optimizer.resources.telemetry.prometheus import PrometheusSource
from cloud_optimizer.resources.telemetry.simulator import SimulatorSource
from cloud_optimizer.resources.telemetry.trace import TraceSource

REGISTER = """
INSERT INTO telemetry_sources (cluster, kind, options, first_sample, end_sample, step, regular, cadence_note)
VALUES (%(cluster)s, %(kind)s, %(options)s, %(first_sample)s, %(end_sample)s, %(step)s, %(regular)s, %(note)s)
ON CONFLICT (cluster) DO UPDATE SET kind = EXCLUDED.kind, options = EXCLUDED.options,
    first_sample = EXCLUDED.first_sample, end_sample = EXCLUDED.end_sample,
    step = EXCLUDED.step, regular = EXCLUDED.regular, cadence_note = EXCLUDED.cadence_note
"""
SELECT = """
SELECT cluster, kind, options, first_sample, end_sample, step, regular, cadence_note
FROM telemetry_sources ORDER BY cluster
"""
CADENCE_SAMPLE = timedelta(days=14)


@dataclass(frozen=True)
class RegisteredSource:
    """A cluster and where its telemetry comes from.

    Args:
        cluster: Name of the cluster.
        kind: `simulator`, `trace`, `prometheus` or `postgres`.
        options: What opens the source again, as JSON.
        first_sample: UTC midnight at which the data start.
        end_sample: UTC midnight at which they end.
        cadence: Grid that every partition of the cluster is put on: a single day may not show it.
    """

    cluster: str
    kind: str
    options: Mapping[str, Any]
    first_sample: datetime
    end_sample: datetime
    cadence: Cadence

    @property
    def is_recorded(self) -> bool:
        """Whether the telemetry is a finished recording: nothing will come after its end."""
        return self.kind == "trace"


class TraceOptions(BaseModel):
    """Where recorded telemetry lies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path = Field(description="File or folder; an absolute path, because every process opens it.")
    cluster: str | None = Field(default=None, description="Name of the cluster, where the files name none.")


@dataclass(frozen=True)
class SourceAccess:
    """What opening a source takes beyond its registered options; secrets are never stored with them.

    Args:
        spool: Folder in which sources keep what they were answered, so that nothing is asked for twice.
        prometheus_token: Bearer token for Prometheus.
        database_url: Address of the database of a `postgres` source.
    """

    spool: Path
    prometheus_token: str | None = field(default=None, repr=False)
    database_url: str | None = field(default=None, repr=False)


class SourceCatalog:
    """The telemetry of all clusters behind one `read`."""

    def __init__(self, url: str, access: SourceAccess) -> None:
        self._url, self._access = url, access

    def open(self, kind: str, options: Mapping[str, Any]) -> TelemetrySource:
        """Open a source that is to be registered."""
        return open_source(kind, as_options(options), self._access)

    def register(self, source: TelemetrySource, options: Mapping[str, Any]) -> tuple[RegisteredSource, ...]:
        """Remember every cluster of a source; registering again replaces what was known of those clusters."""
        entries = tuple(describe(source, cluster, options) for cluster in source.clusters())
        self.store(entries)
        return entries

    def store(self, entries: Sequence[RegisteredSource]) -> None:
        """Remember entries in the place of what was known of their clusters."""
        with connect(self._url) as connection:
            for entry in entries:
                values = {**vars(entry), **vars(entry.cadence), "options": Jsonb(dict(entry.options))}
                connection.execute(REGISTER, values)

    def entries(self) -> tuple[RegisteredSource, ...]:
        """Return every registered cluster, by name."""
        with connect(self._url) as connection:
            rows = connection.execute(SELECT).fetchall()
        return tuple(_from_row(*row) for row in rows)

    def entry(self, cluster: str) -> RegisteredSource:
        """Return one registered cluster.

        Raises:
            InputError: No source was registered for it.
        """
        for entry in self.entries():
            if entry.cluster == cluster:
                return entry
        raise InputError(f"No telemetry source is known for cluster {cluster}: add it with `cloud-optimizer ingest`.")

    def reopen(self, kind: str, options: Mapping[str, Any]) -> TelemetrySource:
        """Open a source anew: one that is open already remembers the clusters and days it had then."""
        return open_source.__wrapped__(kind, as_options(options), self._access)

    def read(self, cluster: str, start: datetime, end: datetime) -> pl.DataFrame:
        """Return the samples of [start, end) as received, in `SAMPLE_SCHEMA`."""
        entry = self.entry(cluster)
        return self.open(entry.kind, entry.options).read(cluster, start, end)


@lru_cache(maxsize=16)
def open_source(kind: str, options: str, access: SourceAccess) -> TelemetrySource:
    """Open a source, once per process and set of options: a trace is checked as a whole when it is opened.

    Args:
        kind: `simulator`, `trace`, `prometheus` or `postgres`.
        options: Settings of that kind as JSON with sorted keys.
        access: Folder and secrets.

    Raises:
        InputError: The kind is not known, or its options cannot be used.
    """
    given = json.loads(options)
    try:
        match kind:
            case "simulator":
                return SimulatorSource(SimulatorSettings.model_validate(given))
            case "trace":
                recorded = TraceOptions.model_validate(given)
                return TraceSource(recorded.path, cluster=recorded.cluster)
            case "prometheus":
                settings = PrometheusSettings.model_validate(given)
                _require_no_password(settings.url)
                return PrometheusSource(settings, spool=access.spool, token=access.prometheus_token)
            case "postgres":
                return PostgresSource(PostgresSettings.model_validate(given), _required_url(access))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the options"
        raise InputError(f"The {kind} source cannot use {where}: {first['msg']}.") from error
    raise InputError(f"The telemetry source {kind} is not known: use simulator, trace, prometheus or postgres.")


def as_options(options: Mapping[str, Any]) -> str:
    """Write options in the one form in which equal options are equal text."""
    return json.dumps(dict(options), sort_keys=True)


def _require_no_password(url: str) -> None:
    """Refuse an address that would put a secret among the options, which every reader of the warehouse sees."""
    if urlsplit(url).password is not None:
        raise InputError(
            "The address of the prometheus source holds a password, which would be stored with it: leave it out and"
            " set CLOUD_OPTIMIZER_PROMETHEUS_TOKEN."
        )


def _required_url(access: SourceAccess) -> str:
    if access.database_url is None:
        raise InputError("A postgres source needs CLOUD_OPTIMIZER_SOURCE_DATABASE_URL: the address is a secret.")
    return access.database_url


def describe(source: TelemetrySource, cluster: str, options: Mapping[str, Any]) -> RegisteredSource:
    """Return what is to be remembered about a cluster of a source; its first days tell the cadence."""
    first, end = source.extent(cluster)
    cadence = detect_cadence(source.read(cluster, first, min(end, first + CADENCE_SAMPLE)))
    return RegisteredSource(cluster, source.name, options, first, end, cadence)


def _from_row(
    cluster: str,
    kind: str,
    options: dict[str, Any],
    first_sample: datetime,
    end_sample: datetime,
    step: timedelta,
    regular: bool,
    note: str,
) -> RegisteredSource:
    return RegisteredSource(cluster, kind, options, first_sample, end_sample, Cadence(step, regular, note))
