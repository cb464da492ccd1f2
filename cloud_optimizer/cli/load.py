"""`load`: what telemetry does not say. Owners and limits of workloads, prices, bills."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from cloud_optimizer.cli.tables import make_console, show
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.settings import load_settings

app = typer.Typer(help="Tell what telemetry does not say: owners, service levels and limits, prices, bills.")

TableFile = Annotated[Path, typer.Argument(help="CSV or Parquet file.")]
ClusterName = Annotated[str | None, typer.Option(help="Cluster of the rows, where the file has no column for it.")]


@app.command("workloads")
def load_workloads(
    file: TableFile,
    cluster: ClusterName = None,
    since: Annotated[
        datetime | None, typer.Option("--since", help="From when on it holds, UTC; default: the start of today.")
    ] = None,
) -> None:
    """Take over facts about workloads: service, owner, slo_class, limits, maintenance windows, own prices, ...

    One row a workload. Columns that the file does not have stay as they are known; an empty cell makes it unknown.
    What is first told of a workload counts for the time before as well.
    """
    from cloud_optimizer.connections import local_platform
    from cloud_optimizer.core.contracts import KEY_SCHEMA
    from cloud_optimizer.core.costs.prices import check_currency
    from cloud_optimizer.core.recommendations.inputs import check_preferences, check_together
    from cloud_optimizer.resources.warehouse.dimensions import FACTS, record_workloads

    keys = ["cluster", "workload_id"]
    schema = pl.Schema({**{name: KEY_SCHEMA[name] for name in keys}, **FACTS})
    facts = _of_cluster(_read(file), cluster)
    told = _conform(facts, schema, keys, file)
    check_preferences(told)
    check_together(told)
    check_currency(told)
    at = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) if since is None else _utc(since)
    with local_platform(load_settings()) as platform:
        record_workloads(platform.warehouse, told, at)
    make_console().print(f"{told.height:,} workloads are known from {at:%Y-%m-%d %H:%M} UTC on.", highlight=False)


@app.command("prices")
def load_prices(file: TableFile) -> None:
    """Make a file the price table: cluster, sku (either may be empty: any), core_hour, gib_hour, currency."""
    from cloud_optimizer.connections import local_platform
    from cloud_optimizer.core.costs.prices import PRICE_TABLE_SCHEMA, check_prices
    from cloud_optimizer.resources.warehouse.dimensions import replace_prices

    given = _conform(_read(file), PRICE_TABLE_SCHEMA, ["core_hour", "gib_hour"], file)
    missing = [pl.lit(None, kind).alias(name) for name, kind in PRICE_TABLE_SCHEMA.items() if name not in given.columns]
    settings = load_settings()
    prices = given.with_columns(missing).with_columns(
        pl.col("currency").fill_null(settings.recommendation.prices.currency)
    )
    check_prices(prices)
    with local_platform(settings) as platform:
        replace_prices(platform.warehouse, prices)
    make_console().print(f"The price table has {prices.height:,} rows now.", highlight=False)


@app.command("costs")
def load_costs(file: TableFile, cluster: Annotated[str, typer.Option(help="Cluster that the bill is for.")]) -> None:
    """Store a bill in FOCUS 1.2 and derive the unit prices of the workloads it names.

    ResourceId is matched with resource_id of the workloads (see `load workloads`), or with their names. The days that
    the bill covers are replaced.
    """
    from cloud_optimizer.connections import local_platform
    from cloud_optimizer.resources.warehouse.bills import load_bill

    settings = load_settings()
    lines = _read(file)
    with local_platform(settings) as platform:
        prices = settings.recommendation.prices
        loaded = load_bill(platform.warehouse, lines, cluster, file.name, prices, _first_row(file))
    console = make_console()
    console.print(
        f"{loaded.lines:,} cost lines of {cluster}, {loaded.first_day} to {loaded.last_day}; "
        f"{loaded.bill.prices.height:,} workloads have prices of their own now.",
        highlight=False,
    )
    if loaded.bill.unused.height:
        show(console, "Lines that give no price", loaded.bill.unused)


def _read(file: Path) -> pl.DataFrame:
    from cloud_optimizer.resources.telemetry.files import TraceFile, find_files, reading, scan_file

    if file.is_dir():
        raise InputError(f"{file} is a folder: give one CSV or Parquet file.")
    (found,) = find_files(file)
    with reading(found):
        return scan_file(TraceFile(file, file.name)).collect()


def _of_cluster(rows: pl.DataFrame, cluster: str | None) -> pl.DataFrame:
    if cluster is None or "cluster" in rows.columns:
        return rows
    return rows.with_columns(cluster=pl.lit(cluster))


def _conform(rows: pl.DataFrame, schema: pl.Schema, required: list[str], file: Path) -> pl.DataFrame:
    from cloud_optimizer.core.table_input import conform

    return conform(rows, schema, required, file.name, _first_row(file))


def _first_row(file: Path) -> int:
    """Return how people count: lines of a CSV file, whose first is the header, and rows of a Parquet file."""
    from cloud_optimizer.core.table_input import FIRST_ROW
    from cloud_optimizer.resources.telemetry.files import TraceFile

    return 1 if TraceFile(file, file.name).is_parquet else FIRST_ROW


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
