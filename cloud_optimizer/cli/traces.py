"""A trace as one panel: read, validated and rolled up in memory, the same way the graph does it day by day."""

from datetime import timedelta
from pathlib import Path

import polars as pl
from rich.console import Console

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.rollup import panel_from_rollup, roll_up
from cloud_optimizer.core.validation import ValidationReport, detect_cadence, validate
from cloud_optimizer.resources.telemetry.trace import TraceSource


def load_panel(path: Path, step: timedelta | None, console: Console) -> Panel:
    """Return all clusters of a trace as one panel; workloads of several clusters are told apart as `cluster/workload`.

    Args:
        path: File or folder.
        step: Length of an interval; the trace's own cadence where none is given.
        console: Where notes and counts of rejected samples are printed.

    Raises:
        InputError: The trace cannot be used, or its cadence is coarser than the step.
    """
    with console.status(f"reading {path}"):
        source = TraceSource(path)
        names = source.clusters()
        samples = pl.concat([source.read(name, *source.extent(name)) for name in names])
    start, end = min(source.extent(n)[0] for n in names), max(source.extent(n)[1] for n in names)
    cadence = detect_cadence(samples)
    frames = []
    for name in names:
        validated = validate(samples.filter(pl.col("cluster") == name), start, end, None, cadence)
        _tell(validated.report, name, console)
        frames.append(roll_up(validated.clean, step or cadence.step, cadence.step))
    rows = pl.concat(frames)
    if rows.is_empty():
        raise InputError(f"{path} holds no usable sample: see the notes above.")
    if len(names) > 1:
        rows = rows.with_columns(workload_id=pl.col("cluster") + "/" + pl.col("workload_id"))
    return panel_from_rollup(rows, start, end, step or cadence.step)


def _tell(report: ValidationReport, cluster: str, console: Console) -> None:
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in report.reasons.items()) or "none"
    line = (
        f"{cluster}: {report.received:,} samples of {report.workloads} workloads, {report.cadence_note};"
        f" {report.quarantined:,} quarantined ({reasons})"
    )
    console.print(line, style="dim", markup=False, highlight=False)
