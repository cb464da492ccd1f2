"""Which telemetry a command works on: a trace the user names, or the simulated fleet."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from cloud_optimizer.connections import Platform
from cloud_optimizer.core.clock import utc_now
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.names import check_cluster
from cloud_optimizer.core.simulator.settings import SimulatorSettings
from cloud_optimizer.resources.telemetry.base import TelemetrySource
from cloud_optimizer.resources.telemetry.catalog import RegisteredSource
from cloud_optimizer.resources.telemetry.simulator import SimulatorSource
from cloud_optimizer.settings import record_first_day


def register_source(
    platform: Platform, trace: Path | None, cluster: str | None, console: Console
) -> tuple[RegisteredSource, ...]:
    """Open the source, check all of it, and remember it; the simulated fleet is registered once and then kept.

    Raises:
        InputError: The trace cannot be used; nothing was registered.
    """
    if trace is None:
        if cluster is not None:
            raise InputError("--cluster names the cluster of a trace: give --trace FILE with it.")
        known = tuple(entry for entry in platform.telemetry.entries() if entry.kind == SimulatorSource.name)
        return known or _register(platform, *_simulated(), console)
    return _register(platform, *_recorded(trace, cluster), console)


def _simulated() -> tuple[TelemetrySource, Mapping[str, Any]]:
    """The default fleet, its sixty days ending yesterday so that schedules and freshness make sense."""
    settings = SimulatorSettings()
    start = utc_now().date() - timedelta(days=settings.days)
    settings = settings.model_copy(update={"start": start})
    return SimulatorSource(settings), settings.model_dump(mode="json")


def _recorded(trace: Path, cluster: str | None) -> tuple[TelemetrySource, Mapping[str, Any]]:
    from cloud_optimizer.resources.telemetry.trace import TraceSource

    path = trace.expanduser().resolve()
    return TraceSource(path, cluster=cluster), {"path": str(path), "cluster": cluster}


def _register(
    platform: Platform, source: TelemetrySource, options: Mapping[str, Any], console: Console
) -> tuple[RegisteredSource, ...]:
    for name in source.clusters():
        check_cluster(name)
        for note in source.notes(name):
            console.print(f"{name}: {note}", style="dim", markup=False, highlight=False)
    entries = platform.telemetry.register(source, options)
    record_first_day(platform.settings.home, min(entry.first_sample.date() for entry in entries))
    return entries
