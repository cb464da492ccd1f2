"""Data frames as terminal tables: headings in words, numbers in units that a person reads."""

from typing import Literal

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

GIB = 2**30
PIPE_WIDTH = 180
"""Columns of text where the output is not a terminal but a file or a log."""
UNBROKEN = 24
"""Longest name in the first column that is never broken into lines; longer ones would squeeze the figures."""

SHARES = {"ratio", "share", "risk", "wape", "wql", "coverage", "provision", "slack", "observations", "volume"}
"""Words in the names of columns that hold fractions; `violating_workload_days` is the one that has none of them."""


def make_console() -> Console:
    """Return a console as wide as the terminal, or wide enough for every table in a file."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPE_WIDTH)


def show(console: Console, title: str, frame: pl.DataFrame, nothing: str = "nothing to show") -> None:
    """Print a frame under a title; columns in bytes become GiB, fractions percent, unknown a dash."""
    if frame.is_empty():
        console.print(f"\n[bold]{title}[/bold]: {nothing}")
        return
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for at, (name, dtype) in enumerate(frame.schema.items()):
        justify: Literal["left", "right"] = "right" if dtype.is_numeric() else "left"
        table.add_column(heading(name), justify=justify, overflow="fold", no_wrap=at == 0 and _is_short(frame[name]))
    for row in frame.iter_rows(named=True):
        table.add_row(*(cell(name, value) for name, value in row.items()))
    console.print()
    console.print(table)


def _is_short(names: pl.Series) -> bool:
    return bool((names.cast(pl.String).str.len_chars() <= UNBROKEN).all())


def heading(name: str) -> str:
    """Return a column name in words: `recommended_memory_bytes` becomes `recommended memory GiB`."""
    return name.replace("_bytes", "_GiB").replace("_", " ").replace("cpu", "CPU")


def cell(name: str, value: object) -> str:
    """Return a value as text in the unit its column name asks for."""
    if value is None:
        return "-"
    if isinstance(value, int) and not isinstance(value, bool) and "bytes" not in name:
        return f"{value:,}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(name, value)
    return str(value).replace("[", r"\[")


def _number(name: str, value: float) -> str:
    if "bytes" in name:
        return f"{value / GIB:,.2f}"
    if "monthly" in name:
        return f"{value:,.2f}"
    if SHARES.intersection(name.split("_")) or name == "violating_workload_days":
        return f"{value:.1%}" if abs(value) < 10 else f"{value:,.1f}x"
    return f"{value:,.3f}"
