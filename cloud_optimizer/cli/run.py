"""`cloud-optimizer run`: everything, end to end, then the figures a person wants to see, then the Dagster UI."""

from pathlib import Path
from typing import Annotated

import typer

from cloud_optimizer.cli.data import ClusterName, Trace
from cloud_optimizer.cli.outputs import require_folder
from cloud_optimizer.cli.serve import Port, require_free, serve
from cloud_optimizer.cli.tables import make_console
from cloud_optimizer.settings import load_settings


def run(
    trace: Trace = None,
    cluster: ClusterName = None,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="End after the tables, without the Dagster UI.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Folder for recommendations, forecasts and accuracy as Parquet and JSON.")
    ] = None,
    port: Port = 3000,
) -> None:
    """Run the whole graph on your telemetry (or a simulated fleet), print the results and open the Dagster UI.

    The first run starts the embedded PostgreSQL, creates the schema and materializes every asset; a second one reuses
    what exists. All state lives in CLOUD_OPTIMIZER_HOME (default: .cloud_optimizer in the checkout).
    """
    from cloud_optimizer.cli.sources import register_source
    from cloud_optimizer.connections import local_platform

    console = make_console()
    if not no_ui:
        require_free(port)
    if output is not None:
        require_folder(output)
    with local_platform(load_settings()) as platform:
        sources = register_source(platform, trace, cluster, console)
        # imported late: the partitions are defined at import, from the first day that was just registered
        from cloud_optimizer.cli.graph import Plan, open_graph
        from cloud_optimizer.cli.report import print_report
        from cloud_optimizer.cli.results import write_results

        plans = [Plan.of(source) for source in sources]
        with open_graph(platform, sources, console) as graph:
            for plan in plans:
                graph.run(plan)
        print_report(platform, [plan.decided for plan in plans], console)
        if output is not None:
            write_results(platform, [plan.decided for plan in plans], output)
            console.print(f"Recommendations, forecasts and accuracy are in {output}.", markup=False, highlight=False)
        if not no_ui:
            serve(platform.settings, port)
