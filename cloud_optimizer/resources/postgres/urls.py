"""Addresses of the three databases, on the embedded server or on one that the settings name."""

from dataclasses import dataclass
from pathlib import Path

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.postgres.embedded import DATABASES, EmbeddedPostgres, create_databases


@dataclass(frozen=True)
class DatabaseUrls:
    """Where the state lives.

    Args:
        warehouse: Telemetry and results, for libpq and ADBC.
        dagster: Runs, events and schedules, for SQLAlchemy with psycopg2.
        mlflow: Experiments and models, for SQLAlchemy with psycopg2.
        registry: The same database as `warehouse`, for SQLAlchemy with psycopg 3 (Feast).
    """

    warehouse: str
    dagster: str
    mlflow: str
    registry: str


def database_urls(home: Path, database_url: str | None = None) -> DatabaseUrls:
    """Return the addresses; without `database_url` the embedded server of `home` is started if it does not run.

    A named server is asked for nothing here. Its databases beside the named one are `dagster` and `mlflow`.

    Raises:
        InputError: `database_url` is no PostgreSQL address with a database name.
    """
    if database_url is None:
        server = EmbeddedPostgres(home).start()
        return DatabaseUrls(
            warehouse=server.uri("cloud_optimizer"),
            dagster=server.uri("dagster", "psycopg2"),
            mlflow=server.uri("mlflow", "psycopg2"),
            registry=server.uri("cloud_optimizer", "psycopg"),
        )
    address = _Address.parse(database_url)
    return DatabaseUrls(
        warehouse=address.url("postgresql", address.database),
        dagster=address.url("postgresql+psycopg2", "dagster"),
        mlflow=address.url("postgresql+psycopg2", "mlflow"),
        registry=address.url("postgresql+psycopg", address.database),
    )


def create_named_databases(urls: DatabaseUrls) -> None:
    """Create `dagster` and `mlflow` on a named server where they are missing; needs the right to create databases."""
    create_databases(urls.warehouse, DATABASES[1:])


@dataclass(frozen=True)
class _Address:
    """A URL cut at its database name, so that every other part stays as it was written."""

    before: str
    database: str
    after: str

    @classmethod
    def parse(cls, url: str) -> "_Address":
        scheme, separator, rest = url.partition("://")
        base = scheme.split("+")[0]
        host, slash, tail = rest.partition("/")
        database, mark, options = tail.partition("?")
        if base not in {"postgresql", "postgres"} or not separator or not slash or not database:
            raise InputError(
                "CLOUD_OPTIMIZER_DATABASE_URL is not of the form postgresql://user:password@host:5432/database."
            )
        try:
            conninfo_to_dict(f"postgresql://{rest}")
        except ProgrammingError:  # its words may hold the password
            raise InputError("CLOUD_OPTIMIZER_DATABASE_URL cannot be read: encode special characters as %XX.") from None
        return cls(host, database, mark + options)

    def url(self, scheme: str, database: str) -> str:
        return f"{scheme}://{self.before}/{database}{self.after}"
