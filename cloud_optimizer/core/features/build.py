"""Builds every feature of the registry on a panel: causal, NaN-aware, written once into preallocated memory."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from math import ceil
from typing import Final

import numpy as np
import polars as pl

from cloud_optimizer.core.contracts import HOUR, ROLLUP_MEASURES
from cloud_optimizer.core.features.calendar import calendar_features
from cloud_optimizer.core.features.cluster import cluster_features
from cloud_optimizer.core.features.formulas import ROW_WISE, row_formula
from cloud_optimizer.core.features.registry import BUILT, FEATURES, OBSERVATIONS, WARMUP
from cloud_optimizer.core.features.windows import Axis, fill_windows
from cloud_optimizer.core.panel import FloatArray, Panel

_CHUNK_VALUES: Final = 1 << 17  # values of one column in a chunk of workloads: small enough for the CPU cache
_THREAD_VALUES: Final = 1 << 14  # values of one column that are worth a thread
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UTILIZATION: Final = tuple(spec for spec in BUILT if spec.group == "workload" and spec.transform in ROW_WISE)
_INTERACTIONS: Final = tuple(spec for spec in BUILT if spec.group == "interaction")
_WINDOWED: Final = tuple(spec for spec in BUILT if spec.group in ("lag", "rolling"))
_LOOKED_BACK_ON: Final = frozenset(source for spec in _WINDOWED for source in spec.sources)


def build_features(panel: Panel, start: datetime | None = None, threads: int = 1) -> Panel:
    """Return the observation columns and all features, float32 [n, T], known at the end of each interval.

    The row labelled h uses intervals up to and including h, nothing later.

    Args:
        panel: Observation columns; one that is missing is unknown throughout. The step must divide an hour.
        start: First interval to build; what lies before it is history. With `WARMUP` of history the result is the
            same, to the last bit, as in a build of any longer range.
        threads: Most threads that share the workloads.

    Raises:
        ValueError: The step does not divide an hour, or `start` lies outside the panel.
    """
    if HOUR % panel.step:
        raise ValueError(f"features need a step that divides an hour, not {panel.step}")
    first = panel.index(start) if start is not None else 0
    if not 0 <= first <= panel.length:
        raise ValueError(f"{start} lies outside the panel [{panel.start}, {panel.end})")
    axis = Axis(first, panel.step, (panel.start - _EPOCH) // panel.step)
    history = _observations(panel)
    count = len(panel.workload_ids)
    out = np.empty((len(BUILT), count, panel.length - first), dtype=np.float32)
    columns = {spec.name: out[position] for position, spec in enumerate(BUILT)}
    working = max(1, min(threads, count * panel.length // _THREAD_VALUES))
    size = _chunk_rows(count, panel.length, working)
    with ThreadPoolExecutor(working) as pool:
        shared = {**calendar_features(panel.times[first:]), **cluster_features(history, axis, pool)}

        def fill(low: int) -> None:
            rows = slice(low, low + size)
            block = {name: values[rows] for name, values in columns.items()}
            _fill_rows({name: values[rows] for name, values in history.items()}, shared, axis, block)

        list(pool.map(fill, range(0, count, size)))
    observed = {name: values[:, first:] for name, values in history.items()}
    return Panel(panel.workload_ids, panel.start + first * panel.step, panel.step, {**observed, **columns})


def feature_frame(panel: Panel, cluster: str, start: datetime, end: datetime, threads: int = 1) -> pl.DataFrame:
    """Return the feature rows of [start, end) as a long frame, sorted by workload and time.

    Columns: cluster, workload_id, timestamp (start of the interval), event_timestamp (its end, when the row becomes
    known), then every feature of the registry as Float32, unknown as null. A row is left out where nothing of the
    workload was observed in the `WARMUP` before it: it did not exist yet, or no longer.

    Args:
        panel: Observation columns from `start - WARMUP` on.
        cluster: Cluster of the panel's workloads.
        start: First interval.
        end: End of the last interval, exclusive.
        threads: Threads that share the workloads.
    """
    names = [spec.name for spec in FEATURES]
    history = panel.window(panel.start, end)
    frame = build_features(history, start, threads).to_frame(names)
    alive = pl.Series(_alive(history)[:, history.index(start) :].reshape(-1))
    known_at = (pl.col("timestamp") + panel.step).alias("event_timestamp")
    keys = [pl.lit(cluster).alias("cluster"), pl.col("workload_id"), pl.col("timestamp"), known_at]
    return (frame if alive.all() else frame.filter(alive)).select(*keys, *(pl.col(name) for name in names))


def _chunk_rows(count: int, length: int, threads: int) -> int:
    """Return how many workloads make a chunk: as many chunks for each thread, none of more than `_CHUNK_VALUES`."""
    rounds = max(1, ceil(count * length / _CHUNK_VALUES / threads))
    return max(1, ceil(count / rounds / threads))


def _observations(panel: Panel) -> dict[str, FloatArray]:
    shape = (len(panel.workload_ids), panel.length)
    unknown = np.broadcast_to(np.float32(np.nan), shape)
    return {name: panel.columns.get(name, unknown) for name in OBSERVATIONS}


def _fill_rows(
    history: Mapping[str, FloatArray], shared: Mapping[str, FloatArray], axis: Axis, out: Mapping[str, FloatArray]
) -> None:
    columns, rows = dict(history), {name: values[:, axis.first :] for name, values in history.items()} | dict(out)
    for spec in _UTILIZATION:
        if spec.name in _LOOKED_BACK_ON:
            columns[spec.name] = row_formula(spec, columns)
            out[spec.name][:] = columns[spec.name][:, axis.first :]
        else:
            out[spec.name][:] = row_formula(spec, rows)
    for name, values in shared.items():
        out[name][:] = values
    fill_windows(_WINDOWED, columns, axis, out)
    for spec in _INTERACTIONS:
        rows[spec.name][:] = row_formula(spec, rows)


def _alive(panel: Panel) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Return, per workload and interval, whether anything was observed in the warm-up that ends there."""
    seen = np.zeros((len(panel.workload_ids), panel.length), dtype=np.bool_)
    for name in ROLLUP_MEASURES:
        if name in panel.columns:
            seen |= ~np.isnan(panel[name])
    position = np.arange(panel.length)
    last = np.maximum.accumulate(np.where(seen, position, -panel.length - WARMUP // panel.step), axis=1)
    return position - last <= WARMUP // panel.step
