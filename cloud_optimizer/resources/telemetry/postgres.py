"""A query in another PostgreSQL database as a telemetry source.

The answer travels as CSV through COPY and is then read and checked like any tidy file: the same column names and units,
the same refusals by column and row.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import psycopg
from psycopg import sql
from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.contracts import DAY, SAMPLE_SCHEMA
from cloud_optimizer.core.errors import CloudOptimizerError, InputError
from cloud_optimizer.core.telemetry.column_table import KEY_NAMES
from cloud_optimizer.core.telemetry.columns import ColumnPlan, plan_columns
from cloud_optimizer.core.validation.cadence import detect_cadence
from cloud_optimizer.resources.postgres.connection import connect
from cloud_optimizer.resources.telemetry.base import covering_midnights
from cloud_optimizer.resources.telemetry.files import TraceFile, scan_file
from cloud_optimizer.resources.telemetry.keys import some
from cloud_optimizer.resources.telemetry.tidy import TidyFile

TIME_TYPES: Final = ("timestamp with time zone", "timestamp without time zone", "date")
CADENCE_SPAN: Final = 2 * DAY
LABEL: Final = "the query"

DESCRIBE = sql.SQL("SELECT * FROM (\n{query}\n) AS telemetry LIMIT 0")
EXTENTS = sql.SQL(
    "SELECT {cluster}, min({time}), max({time}), count(*) - count({time}) FROM (\n{query}\n) AS telemetry GROUP BY 1"
)
ROWS = sql.SQL(
    "COPY (SELECT * FROM (\n{query}\n) AS telemetry WHERE {time} >= {start} AND {time} < {end} AND {cluster} = {name} "
    "ORDER BY {workload}, {time}) TO STDOUT (FORMAT csv, HEADER)"
)
PREPARE = (
    "SELECT set_config('statement_timeout', %s, true), set_config('TimeZone', 'UTC', true), "
    "set_config('DateStyle', 'ISO, YMD', true)"
)
TYPE_OF = "SELECT format_type(%s::oid, NULL)"


class PostgresSettings(BaseModel):
    """A query that gives one row a workload and time. The address of the database is a secret and not part of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: str = Field(min_length=1, description="SELECT with columns named as in the column table of telemetry files.")
    cluster: str = Field(default="postgres", min_length=1, description="Cluster name, unless the query has a column.")
    timeout_seconds: int = Field(default=600, ge=1, le=86_400, description="Longest run of one statement.")


class PostgresSource:
    """Reads samples from another database, in a transaction that cannot write.

    Args:
        settings: The query.
        url: Address of the database.

    Raises:
        InputError: The query fails, lacks a column, or its time column is of another type than a timestamp.
        CloudOptimizerError: The database cannot be reached.
    """

    name = "postgres"

    def __init__(self, settings: PostgresSettings, url: str) -> None:
        self.settings = settings
        self._url = url
        self._query = sql.SQL(settings.query.strip().rstrip(";"))  # the user's own SQL
        with self._transaction() as connection:
            self._plan = self._describe(connection)
            self._extents = self._find_extents(connection)

    def clusters(self) -> tuple[str, ...]:
        """Return the values of the cluster column, or the one name of the settings."""
        return tuple(sorted(self._extents))

    def extent(self, cluster: str) -> tuple[datetime, datetime]:
        """Return the UTC midnights around the samples there were when the source was opened."""
        return self._extents[self._known(cluster)]

    def cadence(self, cluster: str) -> timedelta:
        """Return the grid step that core.validation finds in the last two days."""
        end = self.extent(cluster)[1]
        return detect_cadence(self.read(cluster, end - CADENCE_SPAN, end)).step

    def read(self, cluster: str, start: datetime, end: datetime) -> pl.DataFrame:
        """Return the samples of [start, end), sorted by workload and time."""
        with tempfile.TemporaryDirectory(prefix="cloud-optimizer-") as folder:
            answer = Path(folder) / "answer.csv"
            if not self._copy(self._known(cluster), start, end, answer):
                return SAMPLE_SCHEMA.to_frame()
            return self._checked(answer).rows(cluster, start, end).collect(engine="streaming")

    def notes(self, cluster: str) -> tuple[str, ...]:
        """Return what the mapping does, by a look at the last two days."""
        end = self.extent(cluster)[1]
        with tempfile.TemporaryDirectory(prefix="cloud-optimizer-") as folder:
            answer = Path(folder) / "answer.csv"
            if not self._copy(cluster, end - CADENCE_SPAN, end, answer):
                return ()
            return self._checked(answer).notes()

    def _checked(self, answer: Path) -> TidyFile:
        file = TraceFile(answer, LABEL)
        return TidyFile(file, scan_file(file), self.settings.cluster)

    def _describe(self, connection: psycopg.Connection[Any]) -> ColumnPlan:
        columns = connection.execute(DESCRIBE.format(query=self._query)).description or []
        names = [column.name for column in columns]
        plan = plan_columns(names)
        for key, found in (("time", plan.timestamp), ("workload", plan.workload_id)):
            if found is None:
                accepted = some(KEY_NAMES["timestamp" if key == "time" else "workload_id"])
                raise InputError(f"{LABEL} has no {key} column: name one of {accepted}; it has {some(tuple(names))}.")
        (code,) = (column.type_code for column in columns if column.name == plan.timestamp)
        (kind,) = connection.execute(TYPE_OF, (code,)).fetchone() or ("unknown",)
        if kind not in TIME_TYPES:
            raise InputError(
                f"{LABEL}, column {plan.timestamp}: {kind} is no time, cast it to timestamptz in the query."
            )
        return plan

    def _find_extents(self, connection: psycopg.Connection[Any]) -> Mapping[str, tuple[datetime, datetime]]:
        found = connection.execute(EXTENTS.format(**self._names())).fetchall()
        if not found:
            raise InputError(f"{LABEL} gives no rows.")
        if any(cluster is None for cluster, *_ in found):
            raise InputError(f"{LABEL}, column {self._plan.cluster}: a cluster is missing.")
        if any(missing for *_, missing in found):
            raise InputError(f"{LABEL}, column {self._plan.timestamp}: a time is missing.")
        return {cluster: covering_midnights(_instant(first), _instant(last)) for cluster, first, last, _ in found}

    def _copy(self, cluster: str, start: datetime, end: datetime, answer: Path) -> int:
        values = {"start": sql.Literal(start), "end": sql.Literal(end), "name": sql.Literal(cluster)}
        statement = ROWS.format(**self._names(), **values)
        try:
            with self._transaction() as connection, connection.cursor() as cursor, answer.open("wb") as file:
                with cursor.copy(statement) as copy:
                    for block in copy:
                        file.write(block)
                return cursor.rowcount
        except OSError as error:
            raise CloudOptimizerError(
                f"The answer of the query cannot be kept in {answer.parent} ({error}): free space there."
            ) from error

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection[Any]]:
        """Open a read-only transaction in UTC; what the database says about the query becomes one sentence."""
        milliseconds = str(1000 * self.settings.timeout_seconds)
        try:
            with connect(self._url) as connection:
                connection.read_only = True
                connection.execute(PREPARE, (milliseconds,))
                yield connection
        except psycopg.errors.QueryCanceled as error:
            raise CloudOptimizerError(
                f"{LABEL} took longer than {self.settings.timeout_seconds} s: index its time column or allow it more."
            ) from error
        except psycopg.Error as error:
            words = error.diag.message_primary or str(error).strip()
            raise InputError(f"{LABEL} fails: {words}.") from error

    def _names(self) -> dict[str, sql.Composable]:
        cluster: sql.Composable = sql.Literal(self.settings.cluster)
        if self._plan.cluster is not None:
            cluster = sql.SQL("{}::text").format(sql.Identifier(self._plan.cluster))
        return {
            "query": self._query,
            "cluster": cluster,
            "time": sql.Identifier(str(self._plan.timestamp)),
            "workload": sql.Identifier(str(self._plan.workload_id)),
        }

    def _known(self, cluster: str) -> str:
        if cluster not in self._extents:
            raise InputError(f"{LABEL} has no cluster {cluster!r}, it has {', '.join(self.clusters())}.")
        return cluster


def _instant(moment: datetime | date) -> datetime:
    if not isinstance(moment, datetime):
        return datetime.combine(moment, time(), UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
