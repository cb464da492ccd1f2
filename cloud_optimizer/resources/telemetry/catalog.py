"""Which source each cluster's telemetry comes from, kept in the warehouse so that every process reads the same one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
from psycopg.types.json import Jsonb

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.simulator.settings import SimulatorSettings
from cloud_optimizer.core.validation import Cadence, detect_cadence
from cloud_optimizer.resources.telemetry.base import TelemetrySource
from cloud_optimizer.resources.telemetry.simulator import SimulatorSource

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
        kind: `simulator` or `trace`.
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


class SourceCatalog:
    """The telemetry of all clusters behind one `read`."""

    def __init__(self, url: str) -> None:
        self._url = url

    def register(self, source: TelemetrySource, options: Mapping[str, Any]) -> tuple[RegisteredSource, ...]:
        """Remember every cluster of a source; registering again replaces what was known of those clusters."""
        entries = tuple(_describe(source, cluster, options) for cluster in source.clusters())
        with psycopg.connect(self._url) as connection:
            for entry in entries:
                values = {**vars(entry), **vars(entry.cadence), "options": Jsonb(dict(options))}
                connection.execute(REGISTER, values)
        return entries

    def entries(self) -> tuple[RegisteredSource, ...]:
        """Return every registered cluster, by name."""
        with psycopg.connect(self._url) as connection:
            rows = connection.execute(SELECT).fetchall()
        return tuple(RegisteredSource(*row[:5], Cadence(*row[5:])) for row in rows)

    def entry(self, cluster: str) -> RegisteredSource:
        """Return one registered cluster.

        Raises:
            InputError: No source was registered for it.
        """
        for entry in self.entries():
            if entry.cluster == cluster:
                return entry
        raise InputError(f"No telemetry source is known for cluster {cluster}: add it with `cloud-optimizer ingest`.")

    def read(self, cluster: str, start: datetime, end: datetime) -> pl.DataFrame:
        """Return the samples of [start, end) as received, in `SAMPLE_SCHEMA`."""
        entry = self.entry(cluster)
        return _open(entry.kind, _frozen(entry.options)).read(cluster, start, end)


def _describe(source: TelemetrySource, cluster: str, options: Mapping[str, Any]) -> RegisteredSource:
    first, end = source.extent(cluster)
    cadence = detect_cadence(source.read(cluster, first, min(end, first + CADENCE_SAMPLE)))
    return RegisteredSource(cluster, source.name, options, first, end, cadence)


def _frozen(options: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((key, tuple(value) if isinstance(value, list) else value) for key, value in options.items()))


@lru_cache(maxsize=16)
def _open(kind: str, options: tuple[tuple[str, Any], ...]) -> TelemetrySource:
    """Open a source once per process: a trace is checked as a whole when it is opened."""
    from cloud_optimizer.resources.telemetry.trace import TraceSource

    arguments = dict(options)
    if kind == "simulator":
        return SimulatorSource(SimulatorSettings(**arguments))
    if kind == "trace":
        return TraceSource(Path(arguments["path"]), cluster=arguments["cluster"])
    raise InputError(f"The telemetry source {kind} is not known: use simulator or trace.")
