"""Paired bootstrap over workloads: the same resamples for every policy, so that differences have intervals too."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVEL = 0.95


def resample_weights(count: int, resamples: int, seed: int) -> Array:
    """Return how often each of `count` workloads is drawn in each resample, shape [resamples, count]."""
    draws = np.random.default_rng(seed).integers(0, count, size=(resamples, count))
    rows = np.repeat(np.arange(resamples), count)
    flat = np.bincount(rows * count + draws.reshape(-1), minlength=resamples * count)
    return flat.reshape(resamples, count).astype(np.float64)


def interval(values: Array) -> tuple[float, float] | None:
    """Return the central 95 % of resampled values; none where fewer than half of them are defined."""
    known = values[np.isfinite(values)]
    if len(known) < len(values) / 2:
        return None
    low, high = np.quantile(known, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    return float(low), float(high)
