"""What automation watches in the warehouse: samples, trainings, recommendations at risk, outdated savings."""

from datetime import datetime
from typing import Final

import polars as pl
from psycopg import sql

from cloud_optimizer.core.contracts import UTC_TIMESTAMP
from cloud_optimizer.resources.warehouse.warehouse import Warehouse

# every received sample is clean or quarantined
ACCEPTED: Final = sql.SQL("""
SELECT cluster::text, date,
       sum(CASE table_name WHEN 'raw_workload_metrics' THEN row_count ELSE -row_count END)::bigint AS samples
FROM loads WHERE table_name IN ('raw_workload_metrics', 'quarantined_metrics')
GROUP BY cluster, date ORDER BY cluster, date
""")
TRAININGS: Final = sql.SQL("""
SELECT cluster::text, max(date) AS date, bool_or(promoted) AS promoted,
       string_agg(resource || ': ' || coalesce(reason, ''), ' ' ORDER BY resource) AS reason
FROM champions AS choice
WHERE date = (SELECT max(date) FROM champions AS newer WHERE newer.cluster = choice.cluster)
GROUP BY cluster ORDER BY cluster
""")
AT_RISK: Final = sql.SQL("""
SELECT cluster::text, date, workload_id::text, greatest(risk_cpu, risk_memory) AS shortage_share, created_at
FROM recommendations WHERE risk = {risk} AND status = 'proposed' AND created_at > {since}
ORDER BY cluster, date, shortage_share DESC NULLS LAST, workload_id
""")
# an entry that ends replaces the one that began, so both may be news to the days between; a measurement that was under
# way when an entry was recorded may have read the ledger before; a day whose hours left with retention cannot be
# measured again
OUTDATED: Final = sql.SQL("""
SELECT measured.cluster::text, measured.date, max(entry.recorded_at) AS recorded_at
FROM loads AS measured
JOIN loads AS hours USING (cluster, date)
JOIN savings_ledger AS entry USING (cluster)
WHERE {0} IN ('', measured.cluster)
  AND measured.table_name = 'realised_savings' AND hours.table_name = 'workload_hours' AND hours.row_count > 0
  AND entry.recorded_at + interval '5 minutes' > measured.loaded_at
  AND (entry.applied_at AT TIME ZONE 'UTC')::date <= measured.date
GROUP BY 1, 2
ORDER BY 1, 2
""")
ACCEPTED_SCHEMA: Final = pl.Schema({"cluster": pl.String(), "date": pl.Date(), "samples": pl.Int64()})
TRAININGS_SCHEMA: Final = pl.Schema(
    {"cluster": pl.String(), "date": pl.Date(), "promoted": pl.Boolean(), "reason": pl.String()}
)
AT_RISK_SCHEMA: Final = pl.Schema(
    {
        "cluster": pl.String(),
        "date": pl.Date(),
        "workload_id": pl.String(),
        "shortage_share": pl.Float64(),
        "created_at": UTC_TIMESTAMP,
    }
)


OUTDATED_SCHEMA: Final = pl.Schema({"cluster": pl.String(), "date": pl.Date(), "recorded_at": UTC_TIMESTAMP})


def accepted_samples(warehouse: Warehouse) -> pl.DataFrame:
    """Return the samples that validation accepted, one row for each loaded day of each cluster (`ACCEPTED_SCHEMA`)."""
    return warehouse.frame(ACCEPTED).cast(ACCEPTED_SCHEMA)


def latest_trainings(warehouse: Warehouse) -> pl.DataFrame:
    """Return the latest choice of each cluster, promoted or not, with its reasons (`TRAININGS_SCHEMA`)."""
    return warehouse.frame(TRAININGS).cast(TRAININGS_SCHEMA)


def recommendations_at_risk(warehouse: Warehouse, risk: str, since: datetime) -> pl.DataFrame:
    """Return open recommendations of a risk that were made after an instant, the worst first (`AT_RISK_SCHEMA`)."""
    query = AT_RISK.format(risk=sql.Literal(risk), since=sql.Literal(since.isoformat()))
    return warehouse.frame(query).cast(AT_RISK_SCHEMA)


def outdated_savings(warehouse: Warehouse, cluster: str = "") -> pl.DataFrame:
    """Return the days whose savings were measured before the ledger had all of them, with the time of its last entry.

    Rows are in `OUTDATED_SCHEMA`, by cluster and day; of one cluster, or of all.
    """
    return warehouse.frame(OUTDATED.format(sql.Literal(cluster))).cast(OUTDATED_SCHEMA)
