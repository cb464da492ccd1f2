"""docs/results.md: one section a benchmark, found again by its markers and replaced as a whole.

A benchmark hands its figures over as a JSON file: a `Report`, or a plain list of `Measure` objects.
"""

import json
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

HEADING: Final = """\
# Measured results

Every figure on this page was measured by the command that stands below it, on the machine named there. Times depend
on the machine; the ratios beside a peer or a limit were taken in the same run and travel better.
"""


class Measure(BaseModel):
    """One measured value beside what it should be; a value without a goal holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    measure: str
    value: float
    unit: str = ""
    goal: str = ""
    holds: bool = True


def measured(measure: str, value: float, unit: str = "", goal: str = "", holds: bool = True) -> Measure:
    """Return a measure, written on one line."""
    return Measure(measure=measure, value=value, unit=unit, goal=goal, holds=holds)


def tell(measures: Iterable[Measure], output: Path | None) -> int:
    """Print every measure as soon as it is known, write all of them to a file, and return the exit status.

    Returns:
        0 when all goals hold, else 1.
    """
    told = []
    for item in measures:
        mark = "ok  " if item.holds else "MISS"
        sys.stdout.write(f"{mark} {item.measure:<58} {item.value:>14,.3f} {item.unit:<8} {item.goal}\n")
        sys.stdout.flush()
        told.append(item)
    if output:
        output.write_text(json.dumps([item.model_dump() for item in told], indent=2))
    return 0 if all(item.holds for item in told) else 1


class Table(BaseModel):
    """Cells of text under a header."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Report(BaseModel):
    """What a benchmark found.

    Args:
        tables: Figures.
        measures: Figures beside their goals, shown first.
        text: What was done and counted; paragraphs of Markdown.
        limits: What the figures do not say.
        skipped: Why nothing was measured; then everything else is empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tables: tuple[Table, ...] = ()
    measures: tuple[Measure, ...] = ()
    text: str = ""
    limits: str = ""
    skipped: str = ""

    @property
    def missed(self) -> int:
        """How many goals do not hold."""
        return sum(not measure.holds for measure in self.measures)


class Origin(BaseModel):
    """Where, when and how figures were measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str
    machine: str
    day: date
    seconds: float


def read_report(path: Path) -> Report:
    """Read what a benchmark wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(content, list):
        return Report(measures=tuple(Measure.model_validate(row) for row in content))
    return Report.model_validate(content)


def write_section(path: Path, name: str, section: str) -> None:
    """Replace the section of one benchmark, or add it at the end; everything else stays as it is."""
    document = path.read_text(encoding="utf-8") if path.is_file() else HEADING
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(replace_section(document, name, section), encoding="utf-8")
    partial.replace(path)


def replace_section(document: str, name: str, section: str) -> str:
    """Return the document with the section between its markers replaced, or appended with markers where it had none."""
    begin, end = f"<!-- bench {name} -->\n", f"<!-- end of bench {name} -->\n"
    marked = f"{begin}{section.strip()}\n{end}"
    first, last = document.find(begin), document.find(end)
    if first < 0 or last < first:
        return f"{document.rstrip()}\n\n{marked}"
    return document[:first] + marked + document[last + len(end) :]


def section_text(title: str, report: Report, origin: Origin) -> str:
    """Return the Markdown of one section: what was done, figures, limits, and the command that repeats it."""
    goals = [measures_table(report.measures)] if report.measures else []
    parts = [f"## {title}", report.text, *(table_text(table) for table in (*goals, *report.tables)), report.limits]
    parts.append(f"`{origin.command}`: {origin.seconds:,.0f} s on {origin.day}, {origin.machine}.")
    return "\n\n".join(part.strip() for part in parts if part.strip())


def measures_table(measures: Sequence[Measure]) -> Table:
    """Return values, units and goals, with what became of each goal."""
    rows = tuple((m.measure, figure(m.value), m.unit, m.goal, _outcome(m)) for m in measures)
    return Table(title="", header=("measure", "value", "unit", "goal", "outcome"), rows=rows)


def table_text(table: Table) -> str:
    """Return a Markdown table; the first column is text, the others are figures."""
    line = "| --- |" + " ---: |" * (len(table.header) - 1)
    rows = [_row(table.header), line, *(_row(row) for row in table.rows)]
    title = [f"### {table.title}", ""] if table.title else []
    return "\n".join([*title, *rows])


def figure(value: float) -> str:
    """Return a number with three significant digits or more: 0.0312, 1.25, 12.5, 1,234,567."""
    magnitude = abs(value)
    if magnitude >= 100 or value == int(value):
        return f"{value:,.0f}"
    digits = next(digits for digits, limit in ((1, 10), (2, 1), (3, 0.1), (4, 0)) if magnitude >= limit)
    return f"{value:.{digits}f}"


def machine_text() -> str:
    """Return cores this process may use, memory, architecture, Python and the load before the benchmark began."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    python = platform.python_version()
    load = os.getloadavg()[0]
    return f"{cores} cores ({platform.machine()}), {memory:.0f} GiB of memory, Python {python}, load {load:.1f} before"


def _outcome(measure: Measure) -> str:
    if not measure.goal:
        return ""
    return "holds" if measure.holds else "**missed**"


def _row(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"
