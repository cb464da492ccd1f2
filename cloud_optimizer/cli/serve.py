"""`cloud-optimizer dev` and `stop`: the Dagster UI in the foreground, and the end of the embedded server."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from cloud_optimizer.cli.tables import make_console
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.settings import REPOSITORY, Settings, load_settings

PACKAGE = Path(__file__).parents[1]  # holds Dagster's files also where it is installed without a checkout
HOST = "127.0.0.1"
GRACE_SECONDS = 20

Port = Annotated[int, typer.Option(help="Port of the Dagster UI.", min=1, max=65535)]


def dev(port: Port = 3000) -> None:
    """Open the Dagster UI with live reload on the existing state, until Ctrl-C."""
    from cloud_optimizer.connections import local_platform

    require_free(port)
    with local_platform(load_settings()) as platform:
        serve(platform.settings, port)


def stop() -> None:
    """Stop the embedded PostgreSQL server of this state folder, if it runs."""
    from cloud_optimizer.resources.postgres import EmbeddedPostgres

    settings = load_settings()
    server = EmbeddedPostgres(settings.home)
    if settings.home.exists() and server.is_running():
        server.stop()


def require_free(port: int) -> None:
    """Refuse a port that something else listens on, before any long work."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            message = f"Port {port} is in use: end what listens there, or choose another one with --port."
            raise InputError(message) from error


def dagster_home(settings: Settings) -> Path:
    """Make the folder that DAGSTER_HOME names: the instance file beside logs and schedules' scratch files."""
    folder = settings.home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = (PACKAGE / "dagster.yaml").read_bytes()
    target = folder / "dagster.yaml"
    if not target.exists() or target.read_bytes() != wanted:
        target.write_bytes(wanted)
    return folder


def serve(settings: Settings, port: int) -> None:
    """Run `dagster dev` until Ctrl-C and leave no process behind."""
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "dagster",
        "dev",
        "-w",
        str(PACKAGE / "workspace.yaml"),
        "-h",
        HOST,
        "-p",
        str(port),
    ]
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(dagster_home(settings)),
        "CLOUD_OPTIMIZER_HOME": str(settings.home),
    }
    console = make_console()
    console.print(f"\nDagster UI: [bold]http://{HOST}:{port}[/bold]   (Ctrl-C ends it; state stays in {settings.home})")
    # both ways of being asked to end, also where a shell in the background had us ignore Ctrl-C
    for request in (signal.SIGINT, signal.SIGTERM):
        signal.signal(request, signal.default_int_handler)
    # a session of its own: Ctrl-C reaches us alone, and the whole family can be ended together
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, start_new_session=True)
    try:
        process.wait()
    except KeyboardInterrupt:
        console.print("Stopping the Dagster UI and daemon ...")
    finally:
        end_family(process)


def end_family(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a process, wait, then kill its whole session: a terminated `dagster dev` can leave code servers."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
