"""`query` and `explain`: answers from the warehouse for people and scripts."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import typer

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.settings import Settings, load_settings

if TYPE_CHECKING:
    from cloud_optimizer.resources.warehouse import Warehouse


class OutputFormat(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def query(
    name: Annotated[str | None, typer.Argument(help="Name of the query; without one, all are listed.")] = None,
    cluster: Annotated[str | None, typer.Option(help="Cluster the question is about.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--set", help="Further parameter as name=value; may be given again.")
    ] = None,
    output_format: Annotated[OutputFormat, typer.Option("--format", help="How to print.")] = OutputFormat.TABLE,
) -> None:
    """Answer one of the analytical questions of sql/queries: waste, peaks, idle workloads, forecast error, ..."""
    from cloud_optimizer.cli.tables import make_console, show
    from cloud_optimizer.connections import local_platform
    from cloud_optimizer.resources.warehouse.queries import query_names

    console = make_console()
    if name is None:
        rows = [{"query": known, "question": question} for known, question in query_names().items()]
        show(console, "Queries", pl.DataFrame(rows))
        return
    settings = load_settings()
    given = _parameters(parameter or []) | ({"cluster": cluster} if cluster else {})
    with local_platform(settings) as platform:
        answer = platform.warehouse.query(name, **(_prices(name, settings) | given))
    match output_format:
        case OutputFormat.CSV:
            typer.echo(answer.write_csv(), nl=False)
        case OutputFormat.JSON:
            typer.echo(answer.write_json())
        case OutputFormat.TABLE:
            show(console, query_names()[name], answer)


def explain(
    workload: Annotated[str, typer.Argument(help="Id of the workload.")],
    cluster: Annotated[str | None, typer.Option(help="Its cluster, where several have such a workload.")] = None,
) -> None:
    """Say in plain words how the newest recommendation for a workload came about."""
    from cloud_optimizer.cli.report import newest_recommendations
    from cloud_optimizer.connections import local_platform
    from cloud_optimizer.core.names import way_out

    with local_platform(load_settings()) as platform:
        newest = newest_recommendations(platform.warehouse, cluster)
        found = newest.filter(pl.col("workload_id") == workload)
        peaks = [_peak_risk(platform.warehouse, row) for row in found.iter_rows(named=True)]
    if found.is_empty():
        instead = way_out(workload, newest["workload_id"], "`cloud-optimizer export` lists all that there are.")
        raise InputError(f"There is no recommendation for workload {workload}: {instead}")
    for row, peak in zip(found.iter_rows(named=True), peaks, strict=True):
        told = " ".join(filter(None, (row["explanation"], peak)))
        typer.echo(f"{row['cluster']} / {workload}, {row['date']}\n\n{told}\n")


def _peak_risk(warehouse: "Warehouse", row: Mapping[str, Any]) -> str:
    from cloud_optimizer.core.peak_risk.words import peak_risk_words
    from cloud_optimizer.resources.warehouse.peaks import PEAK_RISKS

    risks = warehouse.read(PEAK_RISKS, row["cluster"], row["date"], row["date"] + timedelta(days=1))
    return peak_risk_words(risks.filter(pl.col("workload_id") == row["workload_id"]))


def _prices(name: str, settings: Settings) -> dict[str, object]:
    """Return those of the settings' prices that a query asks for, for what nobody gave a price."""
    from cloud_optimizer.resources.warehouse.queries import find_query

    prices = settings.recommendation.prices.row()
    return {parameter: prices[parameter] for parameter in find_query(name).parameters if parameter in prices}


def _parameters(pairs: list[str]) -> dict[str, str]:
    parameters = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InputError(f"--set {pair} is not understood: write it as name=value.")
        parameters[name] = value
    return parameters
