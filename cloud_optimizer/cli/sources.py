"""Which telemetry a command works on: a trace the user names, or the simulated fleet."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from cloud_optimizer.connections import Platform
from cloud_optimizer.core.clock import utc_now
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.names import check_cluster
from cloud_optimizer.core.simulator.settings import SimulatorSettings
from cloud_optimizer.resources.telemetry.base import KnowsWorkloads
from cloud_optimizer.resources.telemetry.catalog import RegisteredSource
from cloud_optimizer.resources.warehouse.dimensions import record_workloads
from cloud_optimizer.settings import record_first_day


def register_source(
    platform: Platform, trace: Path | None, cluster: str | None, console: Console, description: Path | None = None
) -> tuple[RegisteredSource, ...]:
    """Open a source, check all of it, and remember it; the simulated fleet is registered once and then kept.

    Args:
        platform: Where it is remembered.
        trace: File or folder of recorded telemetry.
        cluster: Name of the trace's cluster.
        console: Where notes on the reading are printed.
        description: YAML file with `kind` and the options of that kind of source.

    Raises:
        InputError: The source cannot be used; nothing was registered.
    """
    if trace is not None and description is not None:
        raise InputError("--trace and --source name two sources: give one of them.")
    if description is not None:
        kind, options = _described(description)
        return _register(platform, kind, options, console)
    if trace is not None:
        path = str(trace.expanduser().resolve())
        return _register(platform, "trace", {"path": path, "cluster": cluster}, console)
    if cluster is not None:
        raise InputError("--cluster names the cluster of a trace: give --trace FILE with it.")
    known = tuple(entry for entry in platform.telemetry.entries() if entry.kind == "simulator")
    return known or _register(platform, "simulator", _simulated(), console)


def _simulated() -> Mapping[str, Any]:
    """The default fleet, its sixty days ending yesterday so that schedules and freshness make sense."""
    settings = SimulatorSettings()
    start = utc_now().date() - timedelta(days=settings.days)
    return settings.model_copy(update={"start": start}).model_dump(mode="json")


def _described(path: Path) -> tuple[str, Mapping[str, Any]]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(content, dict) or not isinstance(content.get("kind"), str):
        raise InputError(f"{path} has no `kind`: write `kind: prometheus` (or trace, postgres) and its options.")
    options = {name: _as_json(value) for name, value in content.items() if name != "kind"}
    recorded = options.get("path")
    if isinstance(recorded, str):
        # other processes open it from other working directories
        options["path"] = str((path.parent / Path(recorded).expanduser()).resolve())
    return content["kind"], options


def _as_json(value: object) -> object:
    """YAML reads dates as dates; what is stored is JSON."""
    return value.isoformat() if isinstance(value, date) else value


def _register(
    platform: Platform, kind: str, options: Mapping[str, Any], console: Console
) -> tuple[RegisteredSource, ...]:
    source = platform.telemetry.open(kind, options)
    for name in source.clusters():
        check_cluster(name)
        for note in source.notes(name):
            console.print(f"{name}: {note}", style="dim", markup=False, highlight=False)
    entries = platform.telemetry.register(source, options)
    if isinstance(source, KnowsWorkloads):
        for entry in entries:
            record_workloads(platform.warehouse, source.facts(entry.cluster), entry.first_sample)
    record_first_day(platform.settings.home, min(entry.first_sample.date() for entry in entries))
    return entries
