"""The same features as other people would compute them: pandas groupby, Polars `.over`, mlforecast's transforms.

Every peer is driven by the registry, so it computes what the platform computes. mlforecast computes the lags, rolling
and same-hour statistics of the forecast series only (it has no cluster features or ratios).
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from cloud_optimizer.core.contracts import DAY, HOUR
from cloud_optimizer.core.features.calendar import calendar_features
from cloud_optimizer.core.features.registry import BUILT, SIZED
from cloud_optimizer.core.features.spec import FeatureSpec
from cloud_optimizer.core.features.windows import minimum_observed

if TYPE_CHECKING:
    import pandas as pd

QUANTILES: Final = {"p50": 0.5, "p95": 0.95}


def build_with_pandas(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return the built features, float32, from rows sorted by workload and time."""
    calendar = calendar_features(frame["timestamp"].dt.tz_localize(None).to_numpy().astype("datetime64[us]"))
    columns: dict[str, Any] = {name: frame[name] for name in frame.columns}
    by_workload = frame["workload_id"]
    slot = [by_workload, frame["timestamp"].dt.hour]
    for spec in BUILT:
        if spec.transform == "calendar":
            columns[spec.name] = calendar[spec.name]
            continue
        source = columns[spec.sources[0]]
        if spec.group == "cluster" and spec.transform != "across":
            source = source.groupby(frame["timestamp"]).first()
            columns[spec.name] = frame["timestamp"].map(_pandas_window(spec, source)).astype("float32")
        elif spec.transform == "across":
            columns[spec.name] = source.groupby(frame["timestamp"]).transform(spec.statistic).astype("float32")
        elif spec.transform in ("lag", "change", "rolling"):
            grouped = source.groupby(by_workload, sort=False)
            columns[spec.name] = _pandas_window(spec, source, grouped).astype("float32")
        elif spec.transform == "same_hour":
            days = spec.window // DAY
            earlier = source.groupby(slot, sort=False).shift(1)
            rolled = earlier.groupby(slot, sort=False).rolling(days, min_periods=minimum_observed(days))
            values = getattr(rolled, str(spec.statistic))()
            columns[spec.name] = values.droplevel([0, 1]).sort_index().astype("float32")
        else:
            columns[spec.name] = _row_wise(spec, columns)
    import pandas as pd

    return pd.DataFrame({spec.name: columns[spec.name] for spec in BUILT}, copy=False)


def _pandas_window(spec: FeatureSpec, source: Any, grouped: Any = None) -> Any:
    steps = spec.window // HOUR
    target = source if grouped is None else grouped
    if spec.transform == "lag":
        return target.shift(steps)
    if spec.transform == "change":
        return source - target.shift(steps)
    rolling = target.rolling(steps, min_periods=minimum_observed(steps))
    if spec.statistic in QUANTILES:
        values = rolling.quantile(QUANTILES[spec.statistic])
    else:
        values = getattr(rolling, str(spec.statistic))()
    return values if grouped is None else values.droplevel(0)


def _row_wise(spec: FeatureSpec, columns: dict[str, Any]) -> Any:
    first, second = columns[spec.sources[0]], columns[spec.sources[1]]
    if spec.transform == "difference":
        return first - second
    if spec.transform == "product":
        return first * second
    if spec.transform == "zscore":
        first, second = first - second, columns[spec.sources[2]]
    return first / second


def build_with_polars(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the built features, Float32, with one `.over` a feature, in as few passes as their sources allow."""
    calendar = calendar_features(frame["timestamp"].to_numpy().astype("datetime64[us]"))
    frame = frame.with_columns(pl.Series(name, values) for name, values in calendar.items())
    waiting = [spec for spec in BUILT if spec.transform != "calendar"]
    while waiting:
        ready = [spec for spec in waiting if set(spec.sources) <= set(frame.columns)]
        frame = frame.with_columns(_polars(spec).cast(pl.Float32).alias(spec.name) for spec in ready)
        waiting = [spec for spec in waiting if spec not in ready]
    return frame.select(spec.name for spec in BUILT)


def _polars(spec: FeatureSpec) -> pl.Expr:
    source = pl.col(spec.sources[0])
    if spec.transform == "across":
        return getattr(source, str(spec.statistic))().over("timestamp")
    if spec.transform == "same_hour":
        days = spec.window // DAY
        rolled = getattr(source.shift(1), f"rolling_{spec.statistic}")(days, min_samples=minimum_observed(days))
        return rolled.over("workload_id", pl.col("timestamp").dt.hour())
    if spec.transform in ("lag", "change", "rolling"):
        return _polars_window(spec, source).over("workload_id")
    return _row_wise(spec, {name: pl.col(name) for name in spec.sources})


def _polars_window(spec: FeatureSpec, source: pl.Expr) -> pl.Expr:
    steps = spec.window // HOUR
    if spec.transform == "lag":
        return source.shift(steps)
    if spec.transform == "change":
        return source - source.shift(steps)
    options = {"window_size": steps, "min_samples": minimum_observed(steps)}
    if spec.statistic in QUANTILES:
        return source.rolling_quantile(QUANTILES[spec.statistic], "linear", **options)
    return getattr(source, f"rolling_{spec.statistic}")(**options)


def mlforecast_transforms(threads: int) -> tuple[Callable[[pl.DataFrame], Any], int]:
    """Return mlforecast's preprocessing for the forecast series and the number of features it makes of each."""
    from mlforecast import MLForecast
    from mlforecast import lag_transforms as library

    series = [spec for spec in BUILT if spec.sources[0] == SIZED[0] and spec.group in ("lag", "rolling")]
    lags = [spec.window // HOUR for spec in series if spec.transform == "lag"]
    rolling = [_mlforecast(library, spec) for spec in series if spec.transform == "rolling"]
    same_hour = [_mlforecast(library, spec) for spec in series if spec.transform == "same_hour"]
    model = MLForecast(models=[], freq="1h", lags=lags, lag_transforms={1: rolling, 24: same_hour}, num_threads=threads)

    def work(frame: pl.DataFrame) -> Any:
        return model.preprocess(frame, dropna=False, static_features=[])

    return work, len(lags) + len(rolling) + len(same_hour)


def _mlforecast(library: Any, spec: FeatureSpec) -> Any:
    window = spec.window or timedelta(0)
    steps = window // DAY if spec.transform == "same_hour" else window // HOUR
    options: dict[str, Any] = {"window_size": steps, "min_samples": minimum_observed(steps)}
    if spec.transform == "same_hour":
        return getattr(library, f"SeasonalRolling{str(spec.statistic).capitalize()}")(season_length=24, **options)
    if spec.statistic in QUANTILES:
        return library.RollingQuantile(p=QUANTILES[spec.statistic], **options)
    return getattr(library, f"Rolling{str(spec.statistic).capitalize()}")(**options)
