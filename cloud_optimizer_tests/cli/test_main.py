"""Every command explains itself, and every error is one sentence and an exit status."""

import os
import sys
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

from cloud_optimizer.cli import main as entry
from cloud_optimizer.cli.main import app
from cloud_optimizer.core.errors import CloudOptimizerError, InputError
from cloud_optimizer_tests.cli.tidy import call

WORDS = {
    "run": "whole graph",
    "dev": "Dagster UI",
    "stop": "Stop the embedded PostgreSQL",
    "migrate": "safe to repeat",
    "ingest": "Add telemetry",
    "backtest": "only the past known",
    "replay": "sizing policies",
    "export": "Kubernetes",
}


def commands() -> dict[str, click.Command]:
    group = typer.main.get_command(app)
    return dict(group.commands)  # type: ignore[attr-defined]


def test_every_command_of_the_issue_exists() -> None:
    assert WORDS.keys() <= commands().keys()


@pytest.mark.parametrize("name", sorted(commands()))
def test_help_says_what_a_command_does_and_every_option_what_it_is_for(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert WORDS.get(name, "") in result.output
    assert len(str(commands()[name].help)) > 40
    silent = [parameter.name for parameter in commands()[name].params if not getattr(parameter, "help", None)]
    assert silent == []


def test_without_a_command_the_list_is_shown() -> None:
    result = CliRunner().invoke(app, [], env={"COLUMNS": "200"})
    assert all(name in result.output for name in WORDS)


@pytest.mark.parametrize(
    "arguments",
    [("nothing",), ("run", "--nothing"), ("backtest",), ("dev", "--port", "0"), ("export", "--format", "xml")],
    ids=" ".join,
)
def test_what_is_no_command_or_option_ends_with_status_2(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, *arguments) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (InputError("usage.csv, row 3: [bold] is no number"), 2, "Error: usage.csv, row 3: [bold] is no number\n"),
        (CloudOptimizerError("The server is away: start it."), 1, "Error: The server is away: start it.\n"),
    ],
)
def test_an_error_for_people_is_one_line_and_a_status(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    words: str,
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(entry, "app", fail)
    assert call(monkeypatch) == status
    assert capsys.readouterr().err == words


def test_ctrl_c_is_one_word_and_status_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    interrupted = typer.Typer()

    @interrupted.command()
    def wait() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "app", interrupted)
    assert call(monkeypatch) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_a_long_sentence_stays_on_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise InputError("word " * 100)

    monkeypatch.setattr(entry, "app", fail)
    assert call(monkeypatch) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(entry, "app", fail)
    monkeypatch.setattr(sys, "argv", ["cloud-optimizer"])
    with pytest.raises(ZeroDivisionError):
        entry.main()


def test_libraries_report_to_nobody_unless_the_user_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_DISABLE_TELEMETRY", raising=False)
    monkeypatch.setenv("DO_NOT_TRACK", "0")
    monkeypatch.setattr(entry, "app", lambda: sys.exit(0))
    assert call(monkeypatch) == 0
    assert os.environ["DAGSTER_DISABLE_TELEMETRY"] == "1"
    assert os.environ["DO_NOT_TRACK"] == "0"


def test_a_setting_that_cannot_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    monkeypatch.setenv("CLOUD_OPTIMIZER_REPLAY_DAYS", "many")
    assert call(monkeypatch, "migrate") == 2
    assert capsys.readouterr().err.startswith("Error: CLOUD_OPTIMIZER_REPLAY_DAYS cannot be used: ")
    assert not home.exists()
