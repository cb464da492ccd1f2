"""Feast over the features: its configuration and the registration of the definitions.

Feast itself takes seconds to import and is imported where it is used; asking whether anything changed needs none of it.
"""

import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.core.features.on_demand import TARGET_TIMESTAMP
from cloud_optimizer.core.features.registry import FEATURES
from cloud_optimizer.core.features.views import SERVICES, STORED_VIEWS, TARGET_TIME, VIEW_OF
from cloud_optimizer.resources.feature_store.online import PROJECT, SCHEMA, online_table, required_target_time
from cloud_optimizer.resources.feature_store.redis import redis_expected, redis_store
from cloud_optimizer.resources.postgres.connection import connect

if TYPE_CHECKING:
    import feast

_LOCK: Final = 0x0FEA57  # advisory lock of everybody who registers definitions
_FINGERPRINT: Final = "definitions"  # tag of the Feast project
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DEFINITIONS: Final = Path(__file__).parents[2] / "feature_repo" / "definitions.py"


class Catalogue:
    """Feast's registry and stores.

    Args:
        url: PostgreSQL address, `postgresql://...`.
        root: Folder of the Parquet features.
        redis_url: Address of a Redis that is the online store in place of PostgreSQL.

    Raises:
        InputError: The address of Redis cannot be used, or its client is not installed.
    """

    def __init__(self, url: str, root: Path, redis_url: str | None = None) -> None:
        self.url, self.root = url, root
        self.redis = redis_store(redis_url) if redis_url else None

    def configuration(self) -> dict[str, Any]:
        """Return Feast's repository configuration: what feature_store.yaml says, for this database."""
        parts = conninfo_to_dict(self.url)
        postgres = {
            "type": "postgres",
            "host": parts.get("host", "localhost"),
            "port": int(parts.get("port") or 5432),
            "database": parts["dbname"],
            "db_schema": SCHEMA,
            "user": parts.get("user", "postgres"),
            "password": parts.get("password", ""),
            "sslmode": parts.get("sslmode", "prefer"),
        }
        registry = {
            "registry_type": "sql",
            "path": self.url.replace("postgresql://", "postgresql+psycopg://", 1),
            "sqlalchemy_config_kwargs": {"connect_args": {"options": f"-c search_path={SCHEMA}"}},
        }
        return {
            "project": PROJECT,
            "provider": "local",
            "registry": registry,
            "online_store": self.redis or postgres,
            "offline_store": {"type": "file"},
            "entity_key_serialization_version": 3,
        }

    @cached_property
    def feast(self) -> "feast.FeatureStore":
        """Feast's own store: registry, historical and online reads, materialization."""
        from feast import FeatureStore
        from feast.repo_config import RepoConfig

        return FeatureStore(config=RepoConfig(**self.configuration()))

    def apply(self) -> bool:
        """Register the definitions where they differ from what was registered last; tell whether they did.

        Safe from several processes. An apply that was killed is done again by the next one, because the fingerprint
        is written last.
        """
        fingerprint = self.fingerprint()
        with connect(self.url, autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])  # released when the connection closes
            if self._is_applied(connection, fingerprint):
                return False
            self._register(fingerprint)
        return True

    def write_online(self, rows: pl.DataFrame) -> int:
        """Store the newest row of each workload through Feast; return the number of workloads.

        An older row never replaces a newer one, unless two processes write the same workload at the same moment:
        Redis is asked first for what it holds.
        """
        if rows.is_empty():
            return 0
        newest = rows.sort("event_timestamp").unique(["cluster", "workload_id"], keep="last", maintain_order=True)
        for view, specs in STORED_VIEWS.items():
            keys = ["cluster"] if view == "cluster_features" else ["cluster", "workload_id"]
            part = newest.unique(keys, keep="last", maintain_order=True)
            with self._answering():
                stored = self._known_at(view, part.select(keys))
                current = part.filter(pl.col("event_timestamp") >= stored.fill_null(_NEVER))
                frame = current.select(*keys, "event_timestamp", *(spec.name for spec in specs))
                if frame.height:
                    self.feast.write_to_online_store(view, frame.to_pandas())
        return newest.height

    def online(
        self, workloads: Sequence[tuple[str, str]], service: str, target_time: datetime | None = None
    ) -> pl.DataFrame:
        """Read a service through Feast; the answer of `OnlineFeatures.read`, which is faster on PostgreSQL."""
        names = SERVICES[service]
        if not workloads:  # Feast asks for at least one
            empty = {"cluster": pl.String(), "workload_id": pl.String(), "event_timestamp": UTC_TIMESTAMP}
            return pl.DataFrame(schema={**empty, **dict.fromkeys(names, pl.Float32())})
        entities = {"cluster": [pair[0] for pair in workloads], "workload_id": [pair[1] for pair in workloads]}
        request: dict[str, list[datetime]] = {}
        if not TARGET_TIME.keys().isdisjoint(names):
            request[TARGET_TIMESTAMP] = [required_target_time(target_time)] * len(workloads)
        answer = self._read(self.feast.get_feature_service(service), {**entities, **request})
        views = {VIEW_OF[name]: name for name in names if VIEW_OF[name] in STORED_VIEWS}
        known = pl.min_horizontal(_time_of(name) for name in views.values())
        features = [pl.col(name).cast(pl.Float32).fill_nan(None) for name in names]
        return answer.select("cluster", "workload_id", known.alias("event_timestamp"), *features)

    def _known_at(self, view: str, keys: pl.DataFrame) -> pl.Series:
        """Return when the stored row of each entity became known, null where there is none."""
        name = STORED_VIEWS[view][0].name
        return self._read([f"{view}:{name}"], keys.to_dict(as_series=False)).select(_time_of(name)).to_series()

    def _read(self, features: Any, entities: Mapping[str, Sequence[Any]]) -> pl.DataFrame:
        with self._answering():
            response = self.feast.get_online_features(features=features, entity_rows=dict(entities))
        answer = pl.from_arrow(response.to_arrow(include_event_timestamps=True))
        assert isinstance(answer, pl.DataFrame)
        return answer

    def _answering(self) -> AbstractContextManager[None]:
        if self.redis is None:
            return nullcontext()
        return redis_expected(self.redis["connection_string"].partition(",")[0])

    def close(self) -> None:
        """Close what Feast left open: it has no call for it."""
        store = self.__dict__.pop("feast", None)
        if store is None:
            return
        store.registry.write_engine.dispose()
        online = store._get_provider().online_store
        connections = (getattr(online, name, None) for name in ("_conn", "_conn_pool", "_client"))
        for connection in filter(None, connections):
            connection.close()

    def fingerprint(self) -> str:
        """Return a digest of everything that the registered definitions depend on."""
        parts = (repr(FEATURES), repr(SERVICES), _DEFINITIONS.read_text(), str(self.root), version("feast"))
        return sha256("\0".join((*parts, repr(self.redis))).encode()).hexdigest()

    def _is_applied(self, connection: psycopg.Connection[Any], fingerprint: str) -> bool:
        table = connection.execute("SELECT to_regclass(%s)", [f"{SCHEMA}.projects"]).fetchone()
        if table is None or table[0] is None:
            return False
        query = sql.SQL("SELECT 1 FROM {} WHERE project_id = %s AND position(%s::bytea IN project_proto) > 0")
        statement = query.format(sql.Identifier(SCHEMA, "projects"))
        return connection.execute(statement, [PROJECT, fingerprint.encode()]).fetchone() is not None

    def _register(self, fingerprint: str) -> None:
        from feast import Project

        from cloud_optimizer.feature_repo.definitions import feature_objects

        with connect(self.url) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "On demand feature view is an experimental feature", RuntimeWarning)
            self.feast.apply(feature_objects(self.root).all())
        if self.redis is None:
            self._leave_room_for_updates()
        self.feast.apply([Project(name=PROJECT, tags={_FINGERPRINT: fingerprint})])

    def _leave_room_for_updates(self) -> None:
        """Let a new version of a row stay on its page: every row is updated daily, and no index is then (HOT)."""
        with connect(self.url) as connection:
            for view in STORED_VIEWS:
                connection.execute(sql.SQL("ALTER TABLE {} SET (fillfactor = 45)").format(online_table(view)))


def _time_of(feature: str) -> pl.Expr:
    """Return the event time that Feast gave beside a feature: seconds, 0 or less where nothing is stored."""
    seconds = pl.col(f"{feature}__ts").cast(pl.Int64)
    return pl.from_epoch(pl.when(seconds > 0).then(seconds) * 1_000_000, "us").dt.replace_time_zone("UTC")
