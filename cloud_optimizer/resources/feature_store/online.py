"""Feast's online tables, written by COPY and read by one query without Feast.

Feast keeps one table a view with one row an entity and feature. Its own reader takes those rows apart in Python: for
all features of 100 workloads ten times as long as this one. Tables, keys and values are Feast's, so either side reads
what the other wrote.
"""

import weakref
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any, Final, LiteralString

import numpy as np
import polars as pl
import psycopg
from numpy.typing import NDArray
from psycopg import sql
from psycopg_pool import ConnectionPool, PoolTimeout

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.core.errors import CloudOptimizerError, InputError
from cloud_optimizer.core.features.on_demand import INTERACTION_NAMES, interactions, stored_names, target_time_features
from cloud_optimizer.core.features.views import STORED_VIEWS, TARGET_TIME, VIEW_OF
from cloud_optimizer.core.panel import FloatArray
from cloud_optimizer.resources.feature_store.encoding import UNKNOWN, decode_floats, encode_floats, entity_key
from cloud_optimizer.resources.postgres.connection import CONNECT_SECONDS, connection_error, is_connection_lost
from cloud_optimizer.resources.warehouse.session import Session, open_session

SCHEMA: Final = "feast"
PROJECT: Final = "cloud_optimizer"
_READERS: Final = 4  # connections that a process reads with at once
_NO_TABLE: Final = "42P01"  # SQLSTATE undefined_table

_CREATE: Final[LiteralString] = """
    CREATE TEMP TABLE {incoming} (entity_key bytea, feature_name text, value bytea, event_ts timestamptz)
    ON COMMIT DROP
"""
_MERGE: Final[LiteralString] = """
    INSERT INTO {table} AS stored (entity_key, feature_name, value, event_ts)
    SELECT entity_key, feature_name, value, event_ts FROM {incoming}
    ON CONFLICT (entity_key, feature_name) DO UPDATE
    SET value = EXCLUDED.value, event_ts = EXCLUDED.event_ts, created_ts = NULL
    WHERE stored.event_ts IS NULL OR stored.event_ts <= EXCLUDED.event_ts
"""
_READ: Final[LiteralString] = """
    SELECT entity_key, max(event_ts), string_agg(feature_name, ','),
           string_agg(CASE WHEN length(value) = 5 THEN substr(value, 2) ELSE {unknown} END, ''::bytea)
    FROM {table} WHERE entity_key = ANY({keys}) AND feature_name = ANY({names}) GROUP BY entity_key
"""


class OnlineFeatures:
    """The newest row of every workload in PostgreSQL.

    Args:
        url: PostgreSQL address, `postgresql://...`.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def write(self, cluster: str, rows: pl.DataFrame) -> int:
        """Store the newest row of each workload, in one transaction; an older row never replaces a newer one.

        Args:
            cluster: Cluster of every row.
            rows: Feature rows of the cluster.

        Returns:
            The number of workloads.
        """
        newest = rows.sort("event_timestamp").unique("workload_id", keep="last").sort("workload_id")
        if newest.is_empty():
            return 0
        keys = [entity_key({"cluster": cluster, "workload_id": name}) for name in newest["workload_id"]]
        with _tables_expected(), open_session(self.url) as session:
            session.execute(sql.SQL("SET LOCAL search_path = pg_temp"))  # where the driver looks for its COPY target
            for view in STORED_VIEWS:
                if view == "cluster_features":
                    _merge(session, view, [entity_key({"cluster": cluster})], newest.sort("event_timestamp").tail(1))
                else:
                    _merge(session, view, keys, newest)
            session.commit()
        return newest.height

    def read(
        self, workloads: Sequence[tuple[str, str]], names: Sequence[str], target_time: datetime | None = None
    ) -> pl.DataFrame:
        """Return the newest features of (cluster, workload_id) pairs, in their order, unknown as null.

        Args:
            workloads: Pairs; one that was never stored gets a row of nulls.
            names: Features, stored or on demand.
            target_time: Start of the interval that is forecast, for features of the target time.

        Returns:
            cluster, workload_id, event_timestamp (of the oldest view read), then `names`.
        """
        stored = stored_names(tuple(names))
        values, known_at = self._read_stored(workloads, stored)
        columns = dict(zip(stored, values, strict=True))
        if not INTERACTION_NAMES.isdisjoint(names):
            columns |= interactions(columns)
        if not TARGET_TIME.keys().isdisjoint(names):
            columns |= _calendar(target_time, len(workloads))
        keys = [
            pl.Series("cluster", [pair[0] for pair in workloads], pl.String),
            pl.Series("workload_id", [pair[1] for pair in workloads], pl.String),
            pl.Series("event_timestamp", known_at, UTC_TIMESTAMP),
        ]
        return pl.DataFrame([*keys, *_series(columns, names, len(workloads))])

    def close(self) -> None:
        """Close the connections that reading opened."""
        if "_pool" in self.__dict__:
            self._pool.close()
            del self._pool

    @cached_property
    def _pool(self) -> ConnectionPool[psycopg.Connection[Any]]:
        options = {"autocommit": True, "connect_timeout": CONNECT_SECONDS}
        pool = ConnectionPool(
            self.url, min_size=1, max_size=_READERS, timeout=CONNECT_SECONDS, kwargs=options, open=True
        )
        weakref.finalize(self, pool.close)
        return pool

    def _read_stored(
        self, workloads: Sequence[tuple[str, str]], names: tuple[str, ...]
    ) -> tuple[FloatArray, list[datetime | None]]:
        """Return values, shape [names, workloads], and the time at which the oldest part of each row was known."""
        values = np.full((len(names), len(workloads)), np.nan, dtype=np.float32)
        known_at: list[datetime | None] = [None] * len(workloads)
        positions = {name: position for position, name in enumerate(names)}
        columns: defaultdict[bytes, list[int]] = defaultdict(list)
        for column, (cluster, workload) in enumerate(workloads):
            columns[entity_key({"cluster": cluster})].append(column)
            columns[entity_key({"cluster": cluster, "workload_id": workload})].append(column)
        orders: dict[str, NDArray[np.intp]] = {}  # rows of a table mostly lie in the same order of features
        for key, event_time, features, joined in self._query(list(columns), names):
            if features not in orders:
                orders[features] = np.array([positions[name] for name in features.split(",")])
            for column in columns[key]:
                values[orders[features], column] = decode_floats(joined)
                known_at[column] = min(event_time, known_at[column] or event_time)
        return values, known_at

    def _query(self, keys: list[bytes], names: tuple[str, ...]) -> list[tuple[bytes, datetime, str, bytes]]:
        if not names:
            return []
        try:
            with (
                _tables_expected(),
                self._pool.connection() as connection,
                connection.cursor(binary=True) as cursor,
            ):
                cursor.execute(_statement(names), {"keys": keys})
                return cursor.fetchall()
        except (psycopg.OperationalError, PoolTimeout) as error:
            if is_connection_lost(error.sqlstate):
                raise connection_error(self.url, str(error)) from error
            raise


@cache
def _statement(names: tuple[str, ...]) -> bytes:
    """Return the query of some stored features; made once, because composing it takes longer than running it."""
    views = {view: [name for name in names if VIEW_OF[name] == view] for view in STORED_VIEWS}
    parts = [
        sql.SQL(_READ).format(
            unknown=UNKNOWN, table=online_table(view), keys=sql.Placeholder("keys"), names=sql.Literal(chosen)
        )
        for view, chosen in views.items()
        if chosen
    ]
    return sql.SQL(" UNION ALL ").join(parts).as_bytes(None)


@contextmanager
def _tables_expected() -> Iterator[None]:
    """Say in words that the definitions were never applied, whichever driver finds a table missing."""
    try:
        yield
    except Exception as error:
        if _NO_TABLE not in (getattr(failure, "sqlstate", None) for failure in (error, error.__cause__)):
            raise
        raise CloudOptimizerError(
            "the online feature store has no tables yet: materialize the asset feature_store, or run `feast apply`"
        ) from error


def _series(columns: Mapping[str, FloatArray], names: Sequence[str], count: int) -> list[pl.Series]:
    """Return the columns as series, NaN as null: slices of one series, at half the cost of one conversion each."""
    flat = np.concatenate([columns[name] for name in names]) if names else np.empty(0, np.float32)
    series = pl.Series(flat, nan_to_null=True)
    return [series.slice(position * count, count).alias(name) for position, name in enumerate(names)]


def required_target_time(target_time: datetime | None) -> datetime:
    """Return the target time of a read that needs one, or say that it is missing."""
    if target_time is None:
        raise InputError("features of the target time were asked for without a target time")
    return target_time


def _calendar(target_time: datetime | None, count: int) -> dict[str, FloatArray]:
    time = required_target_time(target_time).astimezone(UTC).replace(tzinfo=None)
    times = np.full(count, time, dtype="datetime64[us]")
    return target_time_features(times)


def _merge(session: Session, view: str, keys: Sequence[bytes], rows: pl.DataFrame) -> None:
    """Write one view's features of the rows, one key a row."""
    names, count = sorted(spec.name for spec in STORED_VIEWS[view]), len(keys)  # in the order of the primary key
    values = rows.select(pl.col(names).cast(pl.Float32).fill_null(np.nan)).to_numpy()
    incoming = pl.DataFrame(
        {
            "entity_key": pl.Series(keys, dtype=pl.Binary).gather(np.repeat(np.arange(count), len(names))),
            "feature_name": pl.Series(names * count, dtype=pl.String),
            "value": encode_floats(np.ascontiguousarray(values).reshape(-1)),
            "event_ts": rows["event_timestamp"].gather(np.repeat(np.arange(count), len(names))),
        }
    )
    temporary = f"incoming_{view}"
    session.execute(sql.SQL(_CREATE).format(incoming=sql.Identifier(temporary)))
    session.copy(temporary, incoming)
    session.execute(sql.SQL(_MERGE).format(table=online_table(view), incoming=sql.Identifier(temporary)))


def online_table(view: str) -> sql.Identifier:
    """Return the table in which Feast keeps a view's newest rows."""
    return sql.Identifier(SCHEMA, f"{PROJECT}_{view}")
