"""Forward-only migrations from numbered SQL files: transactional, checksummed, one runner at a time."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.resources.postgres.connection import connect
from cloud_optimizer.resources.postgres.sql_files import MIGRATIONS

LOCK: Final = "SELECT pg_advisory_lock(hashtextextended('cloud_optimizer migrations', 0))"
LEDGER: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
APPLIED: Final = "SELECT version, checksum FROM schema_migrations"
RECORD: Final = "INSERT INTO schema_migrations (version, name, checksum) VALUES (%s, %s, %s)"


@dataclass(frozen=True)
class Migration:
    """One SQL file; its number orders it."""

    version: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, whatever the line ends."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """Return the migrations of a folder in order; `0002_telemetry.sql` is version 2.

    Raises:
        CloudOptimizerError: The folder has none, a number is missing or used twice.
    """
    paths = sorted(folder.glob("[0-9]*_*.sql"))
    migrations = [
        Migration(int(path.name.split("_")[0]), path.stem, path.read_text(encoding="utf-8")) for path in paths
    ]
    versions = [migration.version for migration in migrations]
    if not versions or versions != list(range(1, len(versions) + 1)):
        raise CloudOptimizerError(f"The migrations in {folder} are not numbered 1, 2, 3 ...: found {versions}.")
    return migrations


def migrate(url: str, folder: Path = MIGRATIONS) -> list[str]:
    """Apply the migrations that a database lacks and return their names.

    Each is one transaction together with its entry in `schema_migrations`, so a kill midway leaves it applied or not.
    The advisory lock belongs to the connection: a second runner waits, and a killed one lets go.

    Raises:
        CloudOptimizerError: An applied file was edited, the database is newer than this program, or one failed.
    """
    migrations = read_migrations(folder)
    with connect(url, autocommit=True) as connection:
        connection.execute(LOCK)
        connection.execute(LEDGER)
        applied = dict(connection.execute(APPLIED).fetchall())
        _check(migrations, applied)
        pending = [migration for migration in migrations if migration.version not in applied]
        for migration in pending:
            _apply(connection, migration)
    return [migration.name for migration in pending]


def _check(migrations: list[Migration], applied: dict[int, str]) -> None:
    unknown = set(applied) - {migration.version for migration in migrations}
    if unknown:
        raise CloudOptimizerError(
            f"The database has migration {max(unknown)} and this program ends at {migrations[-1].version}: "
            "upgrade the program."
        )
    for migration in migrations:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise CloudOptimizerError(
                f"Migration {migration.name} was edited after it was applied: restore the file and add a new one."
            )


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    try:
        with connection.transaction():
            connection.execute(migration.text.encode())
            connection.execute(RECORD, (migration.version, migration.name, migration.checksum))
    except psycopg.Error as error:
        if connection.broken:
            raise
        raise CloudOptimizerError(f"Migration {migration.name} failed and was rolled back: {error}.") from error
