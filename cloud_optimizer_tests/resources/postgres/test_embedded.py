"""Starting, sharing, recovering and stopping the embedded server."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.resources.postgres import EmbeddedPostgres
from cloud_optimizer.resources.postgres.server_process import unprivileged_user

FAST = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "20"}


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a short folder; whatever server runs in it is stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="co-pg-"))
    yield folder
    for data in folder.rglob("postmaster.pid"):
        EmbeddedPostgres(data.parents[2]).stop()
    shutil.rmtree(folder, ignore_errors=True)


def postmaster(home: Path) -> psutil.Process:
    return psutil.Process(int((home / "postgres/data/postmaster.pid").read_text().split("\n")[0]))


def answer(server: EmbeddedPostgres, database: str = "cloud_optimizer") -> str:
    with psycopg.connect(server.uri(database)) as connection:
        return str(connection.execute("SELECT current_database()").fetchone()[0])  # type: ignore[index]


def test_processes_that_start_at_once_share_one_server_with_all_databases(home: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from cloud_optimizer.resources.postgres import EmbeddedPostgres;"
        "print(EmbeddedPostgres(Path(sys.argv[1])).start().uri('dagster', 'psycopg2'))"
    )
    starters = [
        subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    addresses = {starter.communicate(timeout=120)[0].strip() for starter in starters}
    assert [starter.returncode for starter in starters] == [0, 0, 0]
    assert len(addresses) == 1
    assert addresses.pop().startswith("postgresql+psycopg2://postgres@/dagster?host=/")
    server = EmbeddedPostgres(home)
    assert {answer(server, name) for name in ("cloud_optimizer", "dagster", "mlflow")} == {
        "cloud_optimizer",
        "dagster",
        "mlflow",
    }
    assert server.is_running()  # it outlives the processes that started it


def test_a_killed_server_recovers_what_was_committed_even_when_its_process_id_now_belongs_to_another(
    home: Path,
) -> None:
    server = EmbeddedPostgres(home, {**FAST, "fsync": "on"}).start()
    with psycopg.connect(server.uri()) as connection:
        connection.execute("CREATE TABLE kept (x int)")
    pid_file = home / "postgres/data/postmaster.pid"
    postmaster(home).send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while server.is_running() and time.monotonic() < deadline:
        time.sleep(0.05)
    lines = pid_file.read_text().split("\n")
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    server.start()
    with psycopg.connect(server.uri()) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_a_start_killed_in_the_middle_of_initdb_is_begun_anew(home: Path) -> None:
    (home / "postgres/data.unfinished/base").mkdir(parents=True)
    (home / "postgres/data.unfinished/PG_VERSION").write_text("18\n")
    assert answer(EmbeddedPostgres(home, FAST).start()) == "cloud_optimizer"


def test_two_homes_with_long_and_odd_names_run_side_by_side(home: Path) -> None:
    servers = [EmbeddedPostgres(home / ("long" * 30) / name, FAST) for name in ("a, b %", "é'c")]
    for server in servers:
        server.start()
        with psycopg.connect(server.uri()) as connection:
            connection.execute("CREATE TABLE mine (x int)")  # a shared server would hold it already
    servers[0].stop()
    assert not servers[0].is_running()
    assert answer(servers[1]) == "cloud_optimizer"


def test_a_server_whose_socket_folder_was_cleaned_away_is_restarted(home: Path) -> None:
    server = EmbeddedPostgres(home / ("long" * 30), FAST).start()
    folder = Path((server.folder / "socket_folder").read_text())
    assert folder.stat().st_mode & 0o077 == 0  # nobody else reaches a server that trusts its socket
    shutil.rmtree(folder)
    assert not server.is_running()
    assert answer(server.start()) == "cloud_optimizer"


def test_stopping_is_idempotent_and_starting_again_keeps_the_data(home: Path) -> None:
    server = EmbeddedPostgres(home, FAST)
    server.stop()
    server.start()
    with psycopg.connect(server.uri()) as connection:
        connection.execute("CREATE TABLE kept (x int)")
    server.stop()
    server.stop()
    assert not server.is_running()
    with psycopg.connect(server.start().uri()) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_settings_reach_the_server(home: Path) -> None:
    server = EmbeddedPostgres(home, {**FAST, "max_connections": "33"}).start()
    with psycopg.connect(server.uri()) as connection:
        names = ["listen_addresses", "max_connections", "TimeZone"]
        shown = connection.execute("SELECT setting FROM pg_settings WHERE name = ANY(%s) ORDER BY name", (names,))
        assert [row[0] for row in shown] == ["UTC", "", "33"]


def test_without_a_server_there_is_no_address(home: Path) -> None:
    with pytest.raises(CloudOptimizerError, match="No database server was started"):
        EmbeddedPostgres(home).uri()


def test_a_home_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(CloudOptimizerError, match="cannot be written to"):
        EmbeddedPostgres(file / "home").start()


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    with pytest.raises(CloudOptimizerError, match="max_connections"):
        EmbeddedPostgres(home, {**FAST, "max_connections": "many"}).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_starts_a_server_of_their_own(home: Path) -> None:
    """Root runs the server as another user; an ordinary user runs it as themselves, with a socket of their own."""
    account = pwd.getpwnam(str(unprivileged_user()))
    runtime = home / "runtime"
    runtime.mkdir(0o700)
    for folder in (home, runtime):
        os.chown(folder, account.pw_uid, account.pw_gid)
    code = (
        "import os, sys; from pathlib import Path; from cloud_optimizer.resources.postgres import EmbeddedPostgres;"
        "os.setgroups([]); os.setgid(int(sys.argv[3])); os.setuid(int(sys.argv[2]));"
        "server = EmbeddedPostgres(Path(sys.argv[1])).start(); print(server.uri()); server.stop()"
    )
    command = [sys.executable, "-c", code, str(home / ("long" * 30)), str(account.pw_uid), str(account.pw_gid)]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert f"?host={runtime}/cloud-optimizer-" in done.stdout, done.stderr
    assert list(runtime.iterdir()) == []  # stopping tidies up
