"""Distances between a reference sample and a current one. Effect sizes: none of them grows with the sample size.

NaN is unknown. Each agrees with SciPy to 1e-12 where SciPy has it; SciPy's own two-sample test takes ten times as
long and computes a p-value, which at fleet size is 0 for differences that matter to nobody.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Float64Array = NDArray[np.float64]

SMALLEST_SHARE = 1e-4
"""Share that an empty bin is given in the PSI, so that its logarithm is finite."""


def population_stability_index(reference: Array, current: Array, bins: int = 10) -> float:
    """PSI over quantile bins of the reference, with one more bin for unknown values.

    Sum over bins of (c - r) ln(c / r), r and c the shares of the samples; Siddiqi (2006), "Credit Risk Scorecards".
    By convention 0.1 is a moderate and 0.25 a major change. NaN where either sample is empty.
    Example: shares (0.5, 0.5) and (0.25, 0.75) give -0.25 ln 0.5 + 0.25 ln 1.5 = 0.2747.
    """
    edges = quantile_edges(reference, bins)
    return float(psi_of_counts(bin_counts(reference, edges), bin_counts(current, edges)))


def quantile_edges(reference: Array, bins: int) -> Float64Array:
    """Return the inner edges of bins that hold equal shares of the known reference, without repeated edges."""
    known = np.asarray(reference, np.float64)[~np.isnan(reference)]
    if not known.size:
        return np.zeros(0)
    return np.unique(np.quantile(known, np.arange(1, bins) / bins))


def bin_of(values: Array, edges: Float64Array) -> NDArray[np.intp]:
    """Return the bin of each value: (-inf, e0], (e0, e1], ..., (ek, inf) and, last, one for unknown values."""
    # NaN sorts behind every number: it would fall into the last bin, so it is moved one further
    return np.asarray(np.searchsorted(edges, values, side="left") + np.isnan(values), np.intp)


def bin_counts(values: Array, edges: Float64Array) -> Float64Array:
    """Count the values of any shape in each bin of `bin_of`, shape [len(edges) + 2]."""
    position = bin_of(np.asarray(values, np.float64).reshape(-1), edges)
    return np.bincount(position, minlength=len(edges) + 2).astype(np.float64)


def psi_of_counts(reference: Float64Array, current: Float64Array) -> Float64Array:
    """PSI of counts [..., bins], shape [...]; NaN where either side counts nothing."""
    r, c = _shares(reference), _shares(current)
    return np.asarray(((c - r) * np.log(c / r)).sum(axis=-1))


def _shares(counts: Float64Array) -> Float64Array:
    total = counts.sum(axis=-1, keepdims=True)
    shares = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
    floored = np.maximum(shares, SMALLEST_SHARE)
    return np.asarray(floored / floored.sum(axis=-1, keepdims=True))


def ks_statistic(reference: Array, current: Array) -> float:
    """Kolmogorov-Smirnov distance: the largest gap between the two distribution functions, 0..1.

    Unknown values are left out; NaN where nothing is known on either side. Example: (1, 2) and (2, 3) give 0.5.
    """
    return ks_to_sorted(sorted_known(reference), current)


def ks_to_sorted(reference: Array, current: Array, among: bool = False) -> float:
    """KS distance to a reference that is sorted and holds no NaN.

    Args:
        reference: Sorted known values, shape [N].
        current: Values of any shape.
        among: `current` is part of the reference and is compared with the rest of it.
    """
    values = sorted_known(current)
    size, others = values.size, reference.size - (values.size if among else 0)
    if not size or others <= 0:
        return float("nan")
    # the supremum lies at a step of `current`, just before or at it, since between them only one function moves
    at, before = (np.searchsorted(values, values, side) for side in ("right", "left"))
    below, strictly = (np.searchsorted(reference, values, side) for side in ("right", "left"))
    if among:
        below, strictly = below - at, strictly - before
    gaps = np.abs(at / size - below / others), np.abs(before / size - strictly / others)
    return float(max(gaps[0].max(), gaps[1].max()))


def sorted_known(values: Array) -> Float64Array:
    """Return the known values of any shape, sorted, shape [N]."""
    flat = np.asarray(values, np.float64).reshape(-1)
    return np.sort(flat[~np.isnan(flat)])


def chi_squared(reference: Float64Array, current: Float64Array) -> float:
    """Pearson's chi-squared of the 2 x k table of category counts; NaN where either side counts nothing.

    Categories that neither side has are left out. Example: (10, 10) and (5, 15) give 2.6667.
    """
    table = np.stack([reference, current])[:, (reference + current) > 0]
    if table.sum(axis=1).min() <= 0:
        return float("nan")
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(((table - expected) ** 2 / expected).sum())


def cramers_v(reference: Float64Array, current: Float64Array) -> float:
    """Effect size of `chi_squared`, 0..1: sqrt(chi2 / n) of shares, both sides weighing the same.

    With counts the result would depend on how many days the reference holds. 0.1 is small, 0.3 medium (Cohen 1988).
    Example: shares (0.5, 0.5) and (0.25, 0.75) give sqrt(0.1333 / 2) = 0.2582.
    """
    sides = reference.sum(), current.sum()
    if min(sides) <= 0:
        return float("nan")
    return float(np.sqrt(chi_squared(reference / sides[0], current / sides[1]) / 2))
