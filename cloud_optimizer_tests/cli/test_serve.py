"""Serving the UI: a port that is taken is refused at once, and the end leaves no process behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cloud_optimizer.cli import serve
from cloud_optimizer.cli.serve import HOST, end_family, require_free
from cloud_optimizer.core.errors import InputError
from cloud_optimizer_tests.cli.tidy import call

STUBBORN = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
ORDERLY = (
    "import signal, sys, time; signal.signal(signal.SIGINT, lambda *_: sys.exit(7)); print('up', flush=True);"
    "time.sleep(60)"
)
PARENT = (
    "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=subprocess.PIPE);"
    "child.stdout.readline(); print(child.pid, flush=True); child.wait()"
)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_free_port_is_accepted_and_stays_free(taken: int) -> None:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        free = probe.getsockname()[1]
    require_free(free)
    require_free(free)
    with pytest.raises(InputError, match=f"Port {taken} is in use"):
        require_free(taken)


@pytest.mark.parametrize("command", ["dev", "run"])
def test_a_taken_port_is_refused_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path, taken: int, command: str
) -> None:
    assert call(monkeypatch, command, "--port", str(taken)) == 2
    way_out = "end what listens there, or choose another one with --port"
    assert capsys.readouterr().err == f"Error: Port {taken} is in use: {way_out}.\n"
    assert not home.exists()


def test_stopping_where_nothing_was_started_does_nothing(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    assert call(monkeypatch, "stop") == 0
    assert not home.exists()


def test_a_family_that_ignores_the_interrupt_is_ended_with_all_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "GRACE_SECONDS", 1)
    command = [sys.executable, "-c", PARENT, STUBBORN]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    child = psutil.Process(int(process.stdout.readline()))
    end_family(process)
    process.stdout.close()
    assert process.poll() is not None
    child.wait(5)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_family_that_ended_by_itself_is_no_error() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    process.wait()
    end_family(process)


def test_an_interrupt_is_passed_on_before_anything_is_killed() -> None:
    process = subprocess.Popen([sys.executable, "-c", ORDERLY], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    assert os.getpgid(process.pid) == process.pid
    end_family(process)
    process.stdout.close()
    assert process.returncode == 7
    assert process.returncode != -signal.SIGKILL
