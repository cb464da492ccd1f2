"""`migrate`, `ingest` and `export`: what goes into the warehouse and what comes out."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cloud_optimizer.cli.outputs import require_file, write_text
from cloud_optimizer.cli.tables import make_console
from cloud_optimizer.settings import load_settings

Trace = Annotated[
    Path | None,
    typer.Option(help="Parquet or CSV file, a folder of them, or a Bitbrains folder. Default: the simulated fleet."),
]
ClusterName = Annotated[str | None, typer.Option(help="Name of the cluster, where the file names none.")]


class FormatName(StrEnum):
    """Formats of `export`."""

    CSV = "csv"
    JSON = "json"
    PATCH = "patch"
    VPA = "vpa"
    PROMETHEUS = "prometheus"


def migrate() -> None:
    """Bring the database schema up to date; safe to repeat."""
    from cloud_optimizer.connections import local_platform

    with local_platform(load_settings()):
        Console().print("The database schema is up to date.")


def ingest(
    trace: Trace = None,
    cluster: ClusterName = None,
    source: Annotated[
        Path | None,
        typer.Option(help="YAML file with the kind of source (prometheus, postgres, trace) and its options."),
    ] = None,
) -> None:
    """Add telemetry: register its clusters and store, validate and roll up every day of it."""
    from cloud_optimizer.cli.sources import register_source
    from cloud_optimizer.connections import local_platform

    console = make_console()
    with local_platform(load_settings()) as platform:
        sources = register_source(platform, trace, cluster, console, source)
        # imported late: the partitions are defined at import, from the first day that was just registered
        from cloud_optimizer.cli.graph import Plan, open_graph

        with open_graph(platform, sources, console) as graph:
            for entry in sources:
                graph.ingest(Plan.of(entry))


def export(
    format_name: Annotated[FormatName, typer.Option("--format", help="What to write.")] = FormatName.CSV,
    cluster: Annotated[str | None, typer.Option(help="Only this cluster.")] = None,
    output: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
) -> None:
    """Write the newest recommendations as CSV, JSON, Kubernetes patches, VPA objects or Prometheus metrics."""
    from cloud_optimizer.cli.report import newest_recommendations
    from cloud_optimizer.connections import local_platform
    from cloud_optimizer.core.exports import export as render

    require_file(output)
    with local_platform(load_settings()) as platform:
        text = render(newest_recommendations(platform.warehouse, cluster), format_name.value)
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_text(output, text)
