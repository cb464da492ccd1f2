"""Days with one champion judged one by one against that champion's training window."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import cache

import polars as pl

from cloud_optimizer.core.contracts import ROLLUP_MEASURES, TARGETS
from cloud_optimizer.core.drift.layout import KEYS, demand_columns
from cloud_optimizer.core.drift.reference import DriftReference, fit_reference
from cloud_optimizer.core.drift.settings import DriftSettings, Kind
from cloud_optimizer.core.drift.verdict import DriftVerdict, drift_verdict


def drift_frames(hours: pl.DataFrame, predictions: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """Return the frame of each kind: demand is the target, other telemetry the data.

    Args:
        hours: `ROLLUP_SCHEMA` rows of one cluster.
        predictions: Medians the champion forecasts for the same days, see core.drift.predictions.
    """
    demand = {target.column for target in TARGETS}
    data = hours.select(*KEYS, *(name for name in ROLLUP_MEASURES if name not in demand))
    return {"data": data, "target": demand_columns(hours), "prediction": predictions}


def judge_days(
    cluster: str,
    days: Iterable[date],
    trained_until: date,
    frames: Mapping[Kind, pl.DataFrame],
    reference_days: int,
    settings: DriftSettings,
) -> list[DriftVerdict]:
    """Judge each day against the last days its champion was trained on, the day itself excluded.

    Args:
        cluster: Name of the cluster.
        days: Days to judge, all with one champion.
        trained_until: Last day the champion learned from.
        frames: Kind to rows of the days and of the reference.
        reference_days: Length of a reference.
        settings: Thresholds.
    """

    @cache
    def reference(kind: Kind, last: date) -> DriftReference:
        day = pl.col("timestamp").dt.date()
        first = last - timedelta(days=reference_days - 1)
        return fit_reference(kind, frames[kind].filter(day.is_between(first, last)), settings)

    verdicts = []
    for day in days:
        last = min(trained_until, day - timedelta(days=1))
        references = {kind: reference(kind, last) for kind in frames}
        verdicts.append(drift_verdict(cluster, day, references, frames, settings))
    return verdicts
