"""Is one model's loss really lower than another's? Paired statistics over workloads and days.

Losses are [n, D]: workloads by days, the same cells for both models, 0 in cells that do not count.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.evaluation.metrics import Float64Array

MOST_UNITS: Final = 2000
MINIMUM_SHARE: Final = 1e-3
SCARCE: Final = 0.5  # degrees of freedom of fewer than one and a half effective units


@dataclass(frozen=True)
class GainTest:
    """A relative gain with its uncertainty.

    Args:
        gain: 1 - sum(candidate) / sum(incumbent): 0.05 is five per cent less loss.
        standard_error: Of the gain, from the bootstrap.
        lower: Lower end of the one-sided confidence interval at the level asked for.
        p_value: One-sided, of the hypothesis that the candidate is no better.
        degrees_of_freedom: Of the t distribution used.
    """

    gain: float
    standard_error: float
    lower: float
    p_value: float
    degrees_of_freedom: float


def gain_test(candidate: Float64Array, incumbent: Float64Array, alpha: float, resamples: int, seed: int) -> GainTest:
    """Test the pooled relative gain of a candidate over an incumbent on [n, D] losses.

    A paired bootstrap draws workloads, and circular blocks of days (Politis and Romano 1992), with replacement. The
    two variances add up, each counting what varies from cell to cell once, so that their sum errs on the safe side
    (Owen 2007, "The pigeonhole bootstrap"): it covers models that are good on some workloads or on some days only.
    Few workloads or blocks make a bootstrap variance too small by (k - 1) / k and its quantiles too narrow: the
    variance is corrected, and the t distribution has Satterthwaite's degrees of freedom for the sum.
    """
    from scipy.stats import t

    difference = incumbent - candidate
    gain = float(difference.sum() / incumbent.sum())
    rng = np.random.default_rng(seed)
    days = incumbent.shape[1]
    rows = random_groups(len(incumbent), rng)
    grouped = np.add.reduceat(difference[rows.order], rows.starts), np.add.reduceat(incumbent[rows.order], rows.starts)
    by_workload = _variance(workload_counts(len(rows.starts), resamples, rng), *grouped, axis=1)
    by_day = _variance(block_counts(days, block_days(days), resamples, rng), difference, incumbent, axis=0)
    parts = [(by_workload, effective_count(incumbent)), (by_day, days / block_days(days))]
    variances = [variance * units / max(units - 1, SCARCE) for variance, units in parts]
    if sum(variances) == 0:  # equal models, or a gain that is the same in every cell
        return GainTest(gain, 0.0, gain, 0.0 if gain > 0 else 1.0, float("inf"))
    below = sum(v**2 / max(units - 1, SCARCE) for v, (_, units) in zip(variances, parts, strict=True))
    freedom, error = sum(variances) ** 2 / below, math.sqrt(sum(variances))
    lower = gain - float(t.ppf(1 - alpha, freedom)) * error
    return GainTest(gain, error, lower, float(t.sf(gain / error, freedom)), freedom)


def _variance(counts: Float64Array, numerator: Float64Array, denominator: Float64Array, axis: int) -> float:
    """Variance of sum(numerator) / sum(denominator) over draws [resamples, units] of rows or of columns."""
    below = counts @ denominator.sum(axis=axis)
    drawn = below > 0
    return float(np.var((counts @ numerator.sum(axis=axis))[drawn] / below[drawn], ddof=1)) if drawn.sum() > 1 else 0.0


def standardised(candidate: Float64Array, incumbent: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Divide both losses [n, D] of every workload by the mean loss of the two, so that all workloads count alike.

    A few large workloads carry most of a fleet's loss (of 100 VMs of a real trace 8.6 count effectively): untouched,
    they alone would decide. The divisor treats both models alike, so equal models stay exchangeable; it is at least
    MINIMUM_SHARE of the mean over workloads, so that an idle workload does not decide either.
    """
    size = (candidate + incumbent).mean(axis=1, keepdims=True)
    size = np.maximum(size, MINIMUM_SHARE * size.mean())
    return candidate / size, incumbent / size


def block_days(days: int) -> int:
    """Length of a block of days, the cube root of their number: 7 days give 2, 28 give 3.

    The rate that minimises the error of a block bootstrap variance (Hall, Horowitz and Jing 1995).
    """
    return max(1, round(math.cbrt(days)))


def effective_count(losses: Float64Array) -> float:
    """Effective number of workloads (Kish): (sum of shares)^2 / sum of squared shares of the loss.

    Example: shares (1, 1, 1, 1) count 4; (9, 1, 1, 1) count 12^2 / 84 = 1.7.
    """
    share = losses.sum(axis=1)
    return float(share.sum() ** 2 / np.square(share).sum())


@dataclass(frozen=True)
class Groups:
    """A random partition of rows: `order` is a permutation, a group begins at each of `starts`."""

    order: NDArray[np.intp]
    starts: NDArray[np.intp]


def random_groups(rows: int, rng: np.random.Generator) -> Groups:
    """Partition the rows into at most MOST_UNITS groups: the cost of a bootstrap does not grow with the fleet."""
    order = rng.permutation(rows) if rows > MOST_UNITS else np.arange(rows)
    return Groups(order, np.linspace(0, rows, min(rows, MOST_UNITS), endpoint=False).astype(np.intp))


def workload_counts(workloads: int, resamples: int, rng: np.random.Generator) -> Float64Array:
    """How often each workload is drawn, [resamples, workloads]; every row sums to `workloads`."""
    return rng.multinomial(workloads, np.full(workloads, 1 / workloads), size=resamples).astype(np.float64)


def block_counts(days: int, block: int, resamples: int, rng: np.random.Generator) -> Float64Array:
    """How often each day is drawn by circular blocks, [resamples, days]; every row sums to `days`."""
    blocks = -(-days // block)
    starts = rng.integers(0, days, size=(resamples, blocks))
    drawn = (starts[:, :, None] + np.arange(block)).reshape(resamples, -1)[:, :days] % days
    flat = drawn + days * np.arange(resamples)[:, None]
    return np.bincount(flat.reshape(-1), minlength=resamples * days).reshape(resamples, days).astype(np.float64)


def diebold_mariano(candidate: Float64Array, incumbent: Float64Array) -> tuple[float, float]:
    """Diebold-Mariano statistic of the daily pooled losses and its one-sided p-value; positive favours the candidate.

    Diebold and Mariano (1995), with a Bartlett window of `block_days` - 1 lags and the small-sample factor and
    t distribution of Harvey, Leybourne and Newbold (1997). NaN for fewer than three days or no variation.
    """
    from scipy.stats import t

    daily = (incumbent - candidate).sum(axis=0)
    days = len(daily)
    if days < 3:
        return float("nan"), float("nan")
    centred = daily - daily.mean()
    lags = block_days(days) - 1
    autocovariance = [float(centred[lag:] @ centred[: days - lag]) / days for lag in range(lags + 1)]
    weights = 1 - np.arange(1, lags + 1) / (lags + 1)
    variance = (autocovariance[0] + 2 * float(weights @ autocovariance[1:])) / days
    if variance <= 0:
        return float("nan"), float("nan")
    ahead = lags + 1
    correction = (days + 1 - 2 * ahead + ahead * (ahead - 1) / days) / days
    statistic = float(daily.mean() / np.sqrt(variance) * np.sqrt(correction))
    return statistic, float(t.sf(statistic, days - 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for testing several candidates (Holm 1979): at most alpha of any false promotion.

    Example: (0.01, 0.04, 0.03) become (0.03, 0.06, 0.06): 0.01 * 3, then 0.03 * 2, then at least that.
    """
    order = np.argsort(p_values)
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, position in enumerate(order):
        running = max(running, min(1.0, p_values[position] * (len(p_values) - rank)))
        adjusted[position] = running
    return adjusted
