"""The SQL of the platform: plain files under `sql/`, which psql runs as well."""

from importlib.resources import files
from pathlib import Path
from typing import Final

SQL_FOLDER: Final = Path(str(files("cloud_optimizer"))) / "sql"
MIGRATIONS: Final = SQL_FOLDER / "migrations"
QUERIES: Final = SQL_FOLDER / "queries"
