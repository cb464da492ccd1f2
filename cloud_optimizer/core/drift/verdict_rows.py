"""Verdicts beside their evidence, in the one table that keeps both."""

from typing import Final

import polars as pl

from cloud_optimizer.core.drift.verdict import DriftVerdict
from cloud_optimizer.core.records import DRIFT_SCHEMA

WHOLE_KIND: Final = "*"
"""Column of the row that holds the decision on a kind; its statistic is `verdict`, 1 for drifted."""


def recorded(verdict: DriftVerdict) -> pl.DataFrame:
    """Return the evidence of a day with one more row for each kind that could be judged, in `DRIFT_SCHEMA`."""
    decisions = [
        {
            "cluster": verdict.cluster,
            "date": verdict.date,
            "kind": kind,
            "column": WHOLE_KIND,
            "statistic": "verdict",
            "value": float(decision.drifted),
            "threshold": 1.0,
            "drifted": decision.drifted,
        }
        for kind, decision in verdict.kinds.items()
        if decision.judged
    ]
    return pl.concat([verdict.rows, pl.DataFrame(decisions, schema=DRIFT_SCHEMA)])


def distrusts_model(rows: pl.DataFrame) -> bool:
    """Tell whether a day's verdicts forbid relying on the forecast: demand or the forecasts themselves drifted.

    Drift of other telemetry (network, disk) is reported and retrains, but leaves the forecast of demand standing.
    """
    decisive = rows.filter((pl.col("column") == WHOLE_KIND) & pl.col("kind").is_in(["prediction", "target"]))
    return bool(decisive["drifted"].any())
