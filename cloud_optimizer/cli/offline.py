"""`backtest` and `replay`: forecasts and sizing policies judged on any trace, without the graph or a database."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cloud_optimizer.cli.outputs import require_file, write_text
from cloud_optimizer.cli.tables import make_console, show
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.contract import Forecaster
from cloud_optimizer.core.forecasting.families import FORECASTERS

if TYPE_CHECKING:
    from cloud_optimizer.core.policies.history import History
    from cloud_optimizer.core.policies.plan import Plan, Policy

TraceFile = Annotated[
    Path, typer.Option("--trace", help="Parquet or CSV file, a folder of them, or a Bitbrains folder.")
]
Output = Annotated[Path | None, typer.Option(help="JSON file for the table.")]


SHORTEST_STEP, LONGEST_STEP = 60, 86_400  # seconds


class ResourceName(StrEnum):
    """Resources that are sized."""

    CPU = "cpu"
    MEMORY = "memory"


class CadenceName(StrEnum):
    """How often a policy may decide."""

    DAILY = "daily"
    HOURLY = "hourly"


def parse_step(text: str) -> timedelta:
    """Read a step such as `5m`, `1h` or `300s`.

    Raises:
        InputError: It is none of these, or does not lie between a minute and a day.
    """
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not (number.isascii() and number.isdigit()):
        raise InputError(f"The step {text!r} is not understood: write it as 5m, 1h or 300s.")
    seconds = int(number) * units[unit]
    if not SHORTEST_STEP <= seconds <= LONGEST_STEP:
        raise InputError(f"The step {text!r} is too short or too long: choose one from 1m to 24h.")
    return timedelta(seconds=seconds)


def backtest(
    trace: TraceFile,
    step: Annotated[str, typer.Option(help="Length of a forecast interval: 1h, 5m, ...")] = "1h",
    horizon: Annotated[int, typer.Option(help="Intervals forecast from each origin.", min=1, max=2016)] = 24,
    models: Annotated[str, typer.Option(help=f"Of {', '.join(FORECASTERS)}; separated by commas, default: all.")] = "",
    origins: Annotated[int, typer.Option(help="Origins scored, the most recent ones.", min=1, max=1000)] = 28,
    output: Output = None,
) -> None:
    """Forecast a trace again and again from past origins, with only the past known, and print how good that was."""
    from cloud_optimizer.cli.traces import load_panel
    from cloud_optimizer.core.evaluation.backtest import backtest as run_backtest
    from cloud_optimizer.core.evaluation.backtest import backtest_rows
    from cloud_optimizer.core.evaluation.settings import BacktestSettings
    from cloud_optimizer.core.forecasting.contract import ForecastSettings

    console = make_console()
    interval = parse_step(step)
    forecasters = _forecasters(models)
    require_file(output)
    day = timedelta(days=1)
    forecast = ForecastSettings(step=interval, horizon=horizon, season=max(day // interval, 1))
    panel = load_panel(trace, interval, console)
    with _progress(console) as progress:
        task = progress.add_task("backtest")
        result = run_backtest(
            panel,
            forecasters,
            BacktestSettings(forecast=forecast, origins=origins),
            lambda done, total, what: progress.update(task, completed=done, total=total, description=what),
        )
    for note in result.notes:
        console.print(note, style="yellow", markup=False, highlight=False)
    rows = backtest_rows(result)
    title = f"Backtest of {trace.name}: {horizon} x {step} from {len(result.plan.origins)} origins"
    show(console, title, pl.DataFrame(rows, infer_schema_length=None))
    _write(rows, output)


def replay(
    trace: TraceFile,
    resource: Annotated[ResourceName, typer.Option(help="What is sized.")] = ResourceName.CPU,
    cadence: Annotated[CadenceName, typer.Option(help="How often a policy may decide.")] = CadenceName.DAILY,
    raise_within_hour: Annotated[
        bool, typer.Option("--raise-within-hour", help="Raise inside the hour after a sample over the capacity.")
    ] = False,
    max_changes_per_day: Annotated[int | None, typer.Option(help="Changes a workload may see in a day.", min=1)] = None,
    policies: Annotated[str, typer.Option(help="Policies, separated by commas; default: all.")] = "",
    output: Output = None,
    report: Annotated[Path | None, typer.Option(help="HTML report with the Pareto plot.")] = None,
) -> None:
    """Replay sizing policies over a trace and print what each would have cost and how often it fell short."""
    from cloud_optimizer.cli.traces import load_panel
    from cloud_optimizer.core.policies.registry import policies_for
    from cloud_optimizer.core.replay.data import ReplayData
    from cloud_optimizer.core.replay.report import contract_text, replay_json, replay_table, write_report
    from cloud_optimizer.core.replay.run import replay as run_replay
    from cloud_optimizer.core.replay.settings import ReplaySettings

    if raise_within_hour and cadence is not CadenceName.HOURLY:
        raise InputError("--raise-within-hour adds to decisions every hour: give --cadence hourly with it.")
    if output is not None and output == report:
        raise InputError(f"--output and --report both name {output}: give each a file of its own.")
    console = make_console()
    settings = ReplaySettings(
        resource=resource.value,
        cadence=cadence.value,
        raise_within_hour=raise_within_hour,
        max_changes_per_day=max_changes_per_day,
    )
    chosen = policies_for(settings, _names(policies))
    require_file(output)
    require_file(report)
    panel = load_panel(trace, None, console)
    with _progress(console) as progress:
        task = progress.add_task("replay", total=len(chosen))
        told = [
            _Told(policy, partial(progress.update, task, completed=at, refresh=True))
            for at, policy in enumerate(chosen)
        ]
        scores = run_replay(ReplayData.from_panel(panel, settings.resource), told, settings)
    header, rows = replay_table(scores)
    below = [[text.replace(" [", "\n[") for text in row] for row in rows]  # intervals beside values break the names
    show(console, f"Replay of {trace.name}: {contract_text(settings)}", pl.DataFrame(below, header, orient="row"))
    _write(replay_json(scores), output)
    if report is not None:
        write_report(report, scores, settings, trace.name)


@dataclass(frozen=True)
class _Told:
    """A policy that tells its name when its turn comes; everything else is the policy's."""

    policy: "Policy"
    tell: Callable[..., None]

    @property
    def name(self) -> str:
        return self.policy.name

    def plan(self, history: "History") -> "Plan":
        self.tell(description=self.name)
        return self.policy.plan(history)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)


def _forecasters(names: str) -> list[Forecaster]:
    """Return the named families, or all that are not baselines of every backtest anyway.

    Raises:
        InputError: A family is not known.
    """
    from cloud_optimizer.core.evaluation.baselines import BASELINE_NAMES

    chosen = _names(names)
    for name in chosen:
        if name not in FORECASTERS:
            raise InputError(f"There is no model {name}: choose from {', '.join(FORECASTERS)}.")
    chosen = chosen or [name for name in FORECASTERS if name not in BASELINE_NAMES]
    return [FORECASTERS[name]() for name in chosen]


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _write(rows: list[dict[str, Any]], output: Path | None) -> None:
    if output is not None:
        write_text(output, json.dumps(rows, indent=2) + "\n")
