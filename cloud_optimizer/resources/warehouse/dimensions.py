"""What is known about workloads over time, and prices. These are merged; tables of partitions are replaced."""

from datetime import datetime
from typing import Final

import polars as pl
from psycopg import sql

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.core.costs.prices import PRICE_COLUMNS, PRICE_TABLE_SCHEMA
from cloud_optimizer.core.names import check_cluster, check_workloads
from cloud_optimizer.resources.warehouse.session import Session
from cloud_optimizer.resources.warehouse.warehouse import Warehouse

WORKLOAD_SCHEMA: Final = pl.Schema(
    {
        "cluster": pl.String(),
        "workload_id": pl.String(),
        "valid_from": UTC_TIMESTAMP,
        "valid_to": UTC_TIMESTAMP,  # null: until further notice
        "service": pl.String(),
        "owner": pl.String(),
        "slo_class": pl.String(),  # critical, standard or batch
        "resource_id": pl.String(),  # as in cost lines
        "sku": pl.String(),
        "region": pl.String(),
        "cpu_capacity_cores": pl.Float64(),
        "memory_capacity_bytes": pl.Float64(),
        **dict.fromkeys(PRICE_COLUMNS, pl.Float64()),
        "currency": pl.String(),
    }
)
"""One spell in which the attributes of a workload stayed the same."""

MERGE_LOCK: Final = sql.SQL("SELECT true FROM pg_advisory_xact_lock(hashtextextended('merge workloads', 0))")
INCOMING: Final = sql.SQL("CREATE TEMPORARY TABLE incoming_workloads (LIKE workloads) ON COMMIT DROP")
MERGE: Final = sql.SQL("SELECT true FROM merge_workloads()")
REFRESH: Final = sql.SQL("SELECT true FROM refresh_after_workloads()")
PRICES_LOCK: Final = sql.SQL("LOCK TABLE prices IN SHARE ROW EXCLUSIVE MODE")


def record_workloads(warehouse: Warehouse, workloads: pl.DataFrame, at: datetime) -> None:
    """Take over what is known about workloads from a time on, until the next time something else is known.

    Args:
        warehouse: Where to.
        workloads: `cluster`, `workload_id` and any attributes of `WORKLOAD_SCHEMA`; the missing ones become unknown.
        at: When the attributes hold from, UTC. Times may come in any order and again.

    Raises:
        InputError: A name cannot be stored.
        ValueError: Two rows for one workload.
    """
    for cluster in workloads["cluster"].unique():
        check_cluster(cluster)
    check_workloads(workloads["workload_id"].unique())
    if workloads.select("cluster", "workload_id").is_duplicated().any():
        raise ValueError("two rows for one workload")
    known = {name: pl.col(name) if name in workloads.columns else pl.lit(None) for name in WORKLOAD_SCHEMA}
    known |= {"valid_from": pl.lit(at), "valid_to": pl.lit(None)}
    rows = workloads.select(**known).cast(WORKLOAD_SCHEMA).with_columns(pl.col(pl.Float64).fill_nan(None))

    def merge(session: Session) -> None:
        session.execute(MERGE_LOCK)
        session.execute(INCOMING)
        session.copy("incoming_workloads", rows, temporary=True)
        session.execute(MERGE)
        session.execute(REFRESH)
        session.commit()

    warehouse.run(merge)


def read_workloads(warehouse: Warehouse, cluster: str, at: datetime) -> pl.DataFrame:
    """Return what held for the workloads of a cluster at a time, in `WORKLOAD_SCHEMA`, sorted by workload."""
    query = sql.SQL(
        "SELECT {} FROM workloads WHERE cluster = {} AND valid_from <= {} AND (valid_to IS NULL OR valid_to > {})"
    ).format(
        sql.SQL(", ").join(map(sql.Identifier, WORKLOAD_SCHEMA)), sql.Literal(cluster), sql.Literal(at), sql.Literal(at)
    )
    return warehouse.frame(query).cast(WORKLOAD_SCHEMA).sort("workload_id")


def replace_prices(warehouse: Warehouse, prices: pl.DataFrame) -> None:
    """Make `prices` (`PRICE_TABLE_SCHEMA`) the price table; readers see the old one or the new one."""
    rows = prices.select(PRICE_TABLE_SCHEMA.names()).cast(PRICE_TABLE_SCHEMA)

    def replace(session: Session) -> None:
        session.execute(PRICES_LOCK)
        session.execute(sql.SQL("DELETE FROM prices"))
        session.copy("prices", rows)
        session.commit()

    warehouse.run(replace)


def read_prices(warehouse: Warehouse) -> pl.DataFrame:
    """Return the price table in `PRICE_TABLE_SCHEMA`."""
    columns = sql.SQL(", ").join(map(sql.Identifier, PRICE_TABLE_SCHEMA))
    return warehouse.frame(sql.SQL("SELECT {} FROM prices ORDER BY cluster, sku").format(columns)).cast(
        PRICE_TABLE_SCHEMA
    )
