"""Features of the cluster as a whole: statistics over its workloads, and their own lags and windows."""

from collections.abc import Mapping
from concurrent.futures import Executor
from datetime import timedelta
from typing import Final

import numpy as np

from cloud_optimizer.core.features.formulas import row_formula
from cloud_optimizer.core.features.registry import BUILT, FEATURES_BY_NAME
from cloud_optimizer.core.features.windows import Axis, fill_windows
from cloud_optimizer.core.panel import FloatArray

_SPECS: Final = tuple(spec for spec in BUILT if spec.group == "cluster")
_ACROSS: Final = tuple(spec for spec in _SPECS if spec.transform == "across")
_WINDOWED: Final = tuple(spec for spec in _SPECS if spec.transform != "across")
_HISTORY: Final = max(spec.window or timedelta(0) for spec in _WINDOWED)
_LOOKED_BACK_ON: Final = frozenset(
    spec.sources[0] for spec in _ACROSS if spec.name in {source for late in _WINDOWED for source in late.sources}
)
_CHUNK_ROWS: Final = 256


def cluster_features(columns: Mapping[str, FloatArray], axis: Axis, pool: Executor) -> dict[str, FloatArray]:
    """Return every cluster feature, shape [1, columns - axis.first].

    Workloads whose value is unknown are left out; a statistic of none is unknown. Rows are added in order, so that
    the result depends neither on threads nor on history longer than the windows. History is summed up only for what
    has windows: of one new day, most columns are a day long.

    Args:
        columns: Observation columns, shape [n, columns].
        axis: Their time axis.
        pool: Threads that share the columns.
    """
    skipped = max(axis.first - axis.intervals(_HISTORY), 0)

    def across(source: str) -> dict[str, FloatArray]:
        begin = skipped if source in _LOOKED_BACK_ON else axis.first
        return _across({name: values[:, begin:] for name, values in columns.items()}, source)

    sources = tuple(dict.fromkeys(spec.sources[0] for spec in _ACROSS))
    statistics = dict(zip(sources, pool.map(across, sources), strict=True))
    base = {spec.name: statistics[spec.sources[0]][str(spec.statistic)] for spec in _ACROSS}
    length = next(iter(columns.values())).shape[1] - axis.first
    built = {name: values[:, values.shape[1] - length :] for name, values in base.items()}
    built |= {spec.name: np.empty((1, length), dtype=np.float32) for spec in _WINDOWED}
    fill_windows(_WINDOWED, base, Axis(axis.first - skipped, axis.step, axis.epoch + skipped), built)
    return built


def _across(columns: Mapping[str, FloatArray], source: str) -> dict[str, FloatArray]:
    from cloud_optimizer.core.features import kernels

    count, length = next(iter(columns.values())).shape
    number, total, mean, squares = (np.zeros(length) for _ in range(4))
    top = np.full(length, -np.inf)
    for low in range(0, count, _CHUNK_ROWS):
        rows = {name: values[low : low + _CHUNK_ROWS] for name, values in columns.items()}
        values = rows[source] if source in rows else row_formula(FEATURES_BY_NAME[source], rows)
        kernels.across_workloads(values, number, total, mean, squares, top)
    known = number > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = {
            "count": number,
            "sum": np.where(known, total, np.nan),
            "mean": np.where(known, mean, np.nan),
            "std": np.where(number > 1, np.sqrt(squares / (number - 1)), np.nan),
            "max": np.where(known, top, np.nan),
        }
    return {name: values.astype(np.float32)[np.newaxis] for name, values in statistics.items()}
