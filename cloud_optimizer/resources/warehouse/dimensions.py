"""What is known about workloads over time, and prices. These are merged; tables of partitions are replaced."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import polars as pl
from psycopg import sql

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.core.costs.prices import PRICE_COLUMNS, PRICE_TABLE_SCHEMA, PriceSettings, workload_prices
from cloud_optimizer.core.names import check_cluster, check_workloads
from cloud_optimizer.core.recommendations.inputs import DECLARED_PREFERENCES
from cloud_optimizer.core.spells import Spell, amended
from cloud_optimizer.resources.warehouse.session import Session
from cloud_optimizer.resources.warehouse.warehouse import Warehouse

FACTS: Final = pl.Schema(
    {
        "service": pl.String(),
        "resource_id": pl.String(),  # as in cost lines
        "sku": pl.String(),
        "region": pl.String(),
        **DECLARED_PREFERENCES,
        **dict.fromkeys(PRICE_COLUMNS, pl.Float64()),
        "currency": pl.String(),
    }
)
"""What can be told about a workload."""

WORKLOAD_SCHEMA: Final = pl.Schema(
    {
        "cluster": pl.String(),
        "workload_id": pl.String(),
        "valid_from": UTC_TIMESTAMP,
        "valid_to": UTC_TIMESTAMP,  # null: until further notice
        **FACTS,
    }
)
"""One spell in which the facts about a workload stayed the same."""

SPELL_SCHEMA: Final = pl.Schema({**WORKLOAD_SCHEMA, "told": pl.List(pl.String())})
"""A spell as it is stored, with the names of the facts that were told for its start."""

LOCK: Final = sql.SQL("SELECT true FROM pg_advisory_xact_lock(hashtextextended('merge workloads', 0))")
COLUMNS: Final = sql.SQL(", ").join(map(sql.Identifier, WORKLOAD_SCHEMA))
KNOWN: Final = sql.SQL("""
SELECT {} FROM workloads WHERE cluster IN ({}) AND (valid_to IS NULL OR valid_to >= {}) ORDER BY valid_from
""")
TOLD: Final = sql.SQL("CREATE TEMPORARY TABLE told (cluster text, workload_id text) ON COMMIT DROP")
DELETE: Final = sql.SQL(
    "DELETE FROM workloads AS known USING told"
    " WHERE (known.cluster, known.workload_id) = (told.cluster, told.workload_id)"
    " AND (valid_to IS NULL OR valid_to >= {})"
)
REFRESH: Final = sql.SQL("SELECT true FROM refresh_services({}, {})")
PRICES_LOCK: Final = sql.SQL("LOCK TABLE prices IN SHARE ROW EXCLUSIVE MODE")
AT: Final = sql.SQL("""
SELECT DISTINCT ON (workload_id) {columns} FROM workloads WHERE cluster = {cluster}
ORDER BY workload_id, valid_from <= {at} DESC, abs(extract(epoch FROM valid_from - {at}))
""")  # the last spell before, or the first one of all

Key = tuple[str, str]


def record_workloads(warehouse: Warehouse, workloads: pl.DataFrame, at: datetime) -> None:
    """Take over what is told about workloads: each fact holds from a time on, until the next time it was told for.

    Args:
        warehouse: Where to.
        workloads: `cluster`, `workload_id` and any of `FACTS`; what is not among the columns stays as it is known.
        at: When the facts hold from, UTC. Times may come in any order and again.

    Raises:
        InputError: A name cannot be stored.
        ValueError: Two rows for one workload.
    """
    clusters = workloads["cluster"].unique().sort().to_list()
    for cluster in clusters:
        check_cluster(cluster)
    check_workloads(workloads["workload_id"].unique())
    if workloads.select("cluster", "workload_id").is_duplicated().any():
        raise ValueError("two rows for one workload")
    if workloads.is_empty():
        return
    told = _by_workload(workloads)

    def merge(session: Session) -> None:
        session.execute(LOCK)
        columns = sql.SQL(", ").join(map(sql.Identifier, SPELL_SCHEMA))
        names = sql.SQL(", ").join(map(sql.Literal, clusters))
        known = _spells(session.frame(KNOWN.format(columns, names, sql.Literal(at))).cast(SPELL_SCHEMA))
        session.execute(TOLD)
        session.copy("told", pl.DataFrame(list(told), schema=["cluster", "workload_id"], orient="row"), temporary=True)
        session.execute(DELETE.format(sql.Literal(at)))
        merged = {key: amended(known.get(key, ()), at, facts) for key, facts in told.items()}
        session.copy("workloads", _rows(merged))
        for cluster in clusters if "service" in workloads.columns else ():
            session.execute(REFRESH.format(sql.Literal(cluster), sql.Literal(_since(known, told, cluster, at))))
        session.commit()

    warehouse.run(merge)


def _by_workload(workloads: pl.DataFrame) -> dict[Key, dict[str, object]]:
    types = pl.Schema({name: kind for name, kind in FACTS.items() if name in workloads.columns})
    typed = (
        workloads.select("cluster", "workload_id", *types).cast(types).with_columns(pl.col(pl.Float64).fill_nan(None))
    )
    return {(row.pop("cluster"), row.pop("workload_id")): row for row in typed.iter_rows(named=True)}


def _spells(known: pl.DataFrame) -> dict[Key, tuple[Spell, ...]]:
    spells: dict[Key, tuple[Spell, ...]] = {}
    for row in known.iter_rows(named=True):
        key = (row["cluster"], row["workload_id"])
        facts = {name: row[name] for name in FACTS}
        spells[key] = (*spells.get(key, ()), Spell(row["valid_from"], facts, frozenset(row["told"])))
    return spells


def _rows(merged: Mapping[Key, tuple[Spell, ...]]) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for (cluster, workload), spells in merged.items():
        ends = [*(spell.start for spell in spells[1:]), None]
        for spell, end in zip(spells, ends, strict=True):
            key = {"cluster": cluster, "workload_id": workload, "valid_from": spell.start, "valid_to": end}
            rows.append({**key, **spell.facts, "told": sorted(spell.told)})
    return pl.DataFrame(rows, schema=SPELL_SCHEMA)


def _since(known: Mapping[Key, tuple[Spell, ...]], told: Mapping[Key, object], cluster: str, at: datetime) -> datetime:
    """Return from when on services may have changed: a workload's first spell counts for the time before it as well."""
    mine = [known.get(key, ()) for key in told if key[0] == cluster]
    return at if all(spells and spells[0].start < at for spells in mine) else datetime.min.replace(tzinfo=at.tzinfo)


def read_workloads(warehouse: Warehouse, cluster: str, at: datetime) -> pl.DataFrame:
    """Return what held for the workloads of a cluster at a time, in `WORKLOAD_SCHEMA`, sorted by workload.

    What is first known of a workload counts for the time before as well.
    """
    query = AT.format(columns=COLUMNS, cluster=sql.Literal(cluster), at=sql.Literal(at))
    return warehouse.frame(query).cast(WORKLOAD_SCHEMA).sort("workload_id")


def prices_at(
    warehouse: Warehouse, cluster: str, workload_ids: pl.Series, at: datetime, settings: PriceSettings
) -> pl.DataFrame:
    """Return what workloads cost at a time, in `WORKLOAD_PRICE_SCHEMA`; the table of prices has no history.

    Args:
        warehouse: What is known.
        cluster: Their cluster.
        workload_ids: Each once.
        at: When, UTC.
        settings: Prices where none is known.
    """
    known = read_workloads(warehouse, cluster, at).drop("cluster")
    asked = pl.DataFrame({"workload_id": workload_ids}).with_columns(cluster=pl.lit(cluster))
    return workload_prices(asked.join(known, on="workload_id", how="left"), read_prices(warehouse), settings)


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
