"""A process that replaces one day again and again, so that a test can kill it at any moment."""

from datetime import date, timedelta
from multiprocessing.connection import Connection

import polars as pl

from cloud_optimizer.resources.warehouse import HOURS, RAW_SAMPLES, Table, Warehouse
from cloud_optimizer_tests.resources.warehouse.frames import rows

DAY = date(2025, 3, 30)
NEXT = DAY + timedelta(days=1)


def many_rows(table: Table, count: int, value: float) -> pl.DataFrame:
    """Return a row of the day for each of `count` workloads, every measure `value`."""
    one = rows(table, "alpha", DAY, workloads=1, value=value)
    names = pl.DataFrame({"name": [f"w{number:06d}" for number in range(count)]})
    return (
        names.join(one, how="cross").with_columns(workload_id="name").select(table.schema.names()).sort(table.sort_key)
    )


def both(count: int, value: float) -> dict[Table, pl.DataFrame]:
    """Return what a day of raw samples and hours holds after a replacement with `value`."""
    return {table: many_rows(table, count, value) for table in (RAW_SAMPLES, HOURS)}


def load_for_ever(url: str, count: int, first_value: int, ready: Connection) -> None:
    """Replace both tables of the day by `first_value`, then by one more, and so on."""
    warehouse = Warehouse(url)
    warehouse.clusters()  # connected
    ready.send(True)
    value = first_value
    while True:
        warehouse.replace("alpha", DAY, NEXT, both(count, value))
        value += 1
