"""The command line: the list of commands, and how an error becomes one sentence and an exit status."""

import os
import sys

import typer
from rich.console import Console

from cloud_optimizer.core.errors import CloudOptimizerError, InputError

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="cloud-optimizer",
    help="Forecast cloud workload demand with calibrated uncertainty and recommend capacity.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _register() -> None:
    from cloud_optimizer.cli.data import export, ingest, migrate
    from cloud_optimizer.cli.load import app as load
    from cloud_optimizer.cli.mark import mark
    from cloud_optimizer.cli.offline import backtest, replay
    from cloud_optimizer.cli.query import explain, query
    from cloud_optimizer.cli.run import run
    from cloud_optimizer.cli.serve import dev, stop

    for command in (run, dev, stop, migrate, ingest, backtest, replay, export, query, explain, mark):
        app.command()(command)
    app.add_typer(load, name="load", no_args_is_help=True)


_register()


def main() -> None:
    """Run the command line.

    Exit status: 0 done, 1 failed, 2 the input or an option cannot be used, 130 ended by Ctrl-C.
    """
    _configure_libraries()
    try:
        app()
    except InputError as error:
        _fail(error, EXIT_USAGE)
    except CloudOptimizerError as error:
        _fail(error, EXIT_FAILURE)
    except SystemExit as ended:
        if ended.code == EXIT_INTERRUPTED:  # what Typer makes of Ctrl-C, without a word
            Console(stderr=True).print("Interrupted.")
        raise


def _fail(error: CloudOptimizerError, status: int) -> None:
    Console(stderr=True, soft_wrap=True).print(f"Error: {error}", style="red", markup=False, highlight=False)
    sys.exit(status)


def _configure_libraries() -> None:
    """Keep what the user measures on the user's machine, and libraries quiet; child processes inherit it."""
    for name, value in {
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_MODEL_CATALOG_URI": "",
        "MLFLOW_DISABLE_AGENT_HINT": "true",
        "DO_NOT_TRACK": "true",
        "FEAST_USAGE": "False",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
    }.items():
        os.environ.setdefault(name, value)
