"""How good the forecasts of a day were, once the day is over. Definitions of the measures: core.evaluation.metrics."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import numpy as np
import polars as pl

from cloud_optimizer.core.contracts import DAY, HOUR, QUANTILE_LEVELS, TARGETS_BY_NAME, quantile_column
from cloud_optimizer.core.evaluation import metrics
from cloud_optimizer.core.evaluation.scores import mean_known
from cloud_optimizer.core.panel import FloatArray, Panel
from cloud_optimizer.core.records import ACCURACY_SCHEMA

_QUANTILES: Final = tuple(quantile_column(level) for level in QUANTILE_LEVELS)
_GROUP: Final = ("date", "target", "model", "model_version")


def forecast_accuracy(
    forecast: pl.DataFrame, actuals: pl.DataFrame, history: Panel, step: timedelta = HOUR, season: int = 24
) -> pl.DataFrame:
    """Score forecasts of one cluster against what happened, one `ACCURACY_SCHEMA` row a day, target and model version.

    Everything is pooled over the day's workloads and intervals, except MASE, which is the mean over workloads. An
    interval without an actual is left out, and so is one without a forecast: a workload that was never seen before
    must not hide the accuracy of the others; `series` and `observations` say how much was scored. A day on which
    nothing could be compared has 0 observations and null measures. Where an interval was forecast from several
    origins, the newest counts.

    Args:
        forecast: `FORECAST_SCHEMA` rows of one cluster, any number of days, targets and models.
        actuals: `ROLLUP_SCHEMA` rows of the same cluster and step.
        history: Demand before each day, for the scale of MASE: the panel may reach into the days, only what lies
            before a day scales it.
        step: Length of an interval.
        season: Intervals in the main season.
    """
    rows = [_score(group, part, history, step, season) for group, part in _groups(forecast, actuals)]
    return pl.DataFrame(rows, schema=ACCURACY_SCHEMA).fill_nan(None).sort("cluster", *_GROUP)


def _groups(forecast: pl.DataFrame, actuals: pl.DataFrame) -> Iterator[tuple[tuple[date, str, str, str], pl.DataFrame]]:
    names = [name for name in TARGETS_BY_NAME if (forecast["target"] == name).any()]
    keys = ["workload_id", "timestamp"]
    known = [
        actuals.select(*keys, target=pl.lit(name), actual=pl.col(TARGETS_BY_NAME[name].column)).drop_nulls("actual")
        for name in names
    ]
    if not known:
        return
    joined = forecast.sort("origin").join(pl.concat(known), on=[*keys, "target"], how="left", maintain_order="left")
    dated = joined.with_columns(pl.col("timestamp").dt.date().alias("date"))
    yield from dated.partition_by(_GROUP, as_dict=True).items()


def _score(
    group: tuple[date, str, str, str], part: pl.DataFrame, history: Panel, step: timedelta, season: int
) -> dict[str, object]:
    start = datetime.combine(group[0], time(), UTC)
    panel = Panel.from_frame(part.drop_nulls(_QUANTILES), ["actual", *_QUANTILES], start, start + DAY, step)
    quantiles = np.stack([panel[name] for name in _QUANTILES], axis=-1)
    scale = _scale(history.window(history.start, start), TARGETS_BY_NAME[group[1]].column, panel.workload_ids, season)
    observed = ~np.isnan(panel["actual"]) & ~np.isnan(quantiles).any(axis=-1)
    return {
        "cluster": part["cluster"][0],
        **dict(zip(_GROUP, group, strict=True)),
        "series": int(observed.any(axis=1).sum()),
        "observations": int(observed.sum()),
        **_measures(panel["actual"], quantiles, scale),
    }


def _measures(actual: FloatArray, quantiles: FloatArray, scale: metrics.Float64Array) -> dict[str, float]:
    median = quantiles[..., QUANTILE_LEVELS.index(0.5)]
    return {
        "wape": metrics.wape(actual, median),
        "mase": float(mean_known(metrics.mase_by_series(actual, median, scale))),
        "wql": metrics.weighted_quantile_loss(actual, quantiles),
        "coverage_80": metrics.coverage(actual, quantiles, metrics.CENTRAL_80),
        "coverage_95": metrics.coverage(actual, quantiles, metrics.CENTRAL_95),
        "over_forecast_ratio": metrics.over_forecast_ratio(actual, median),
        "under_forecast_ratio": metrics.under_forecast_ratio(actual, median),
    }


def _scale(history: Panel, column: str, workload_ids: Sequence[str], season: int) -> metrics.Float64Array:
    """MASE scale of the given workloads, shape [n]; NaN for one without history."""
    known = metrics.seasonal_naive_scale(history[column], season)
    by_workload = dict(zip(history.workload_ids, known.tolist(), strict=True))
    return np.array([by_workload.get(workload, np.nan) for workload in workload_ids], dtype=np.float64)
