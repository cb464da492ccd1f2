"""Is one model's loss really lower than another's? Paired statistics over workloads and days.

Losses are [n, D]: workloads by days, the same cells for both models, 0 in cells that do not count.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cloud_optimizer.core.evaluation.metrics import Float64Array

CELLS_AT_ONCE: Final = 20_000_000
MINIMUM_SHARE: Final = 1e-3


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

    The standard error comes from a paired bootstrap that draws workloads and circular blocks of days independently
    (Owen 2007, "The pigeonhole bootstrap"; Politis and Romano 1992): it covers models that are good on some
    workloads and on some days only, and errs on the safe side where cells vary for themselves. The t quantile with
    the degrees of freedom of the scarcer side, effective workloads or blocks of days, keeps small samples honest
    where a percentile interval would be too narrow.
    """
    from scipy.stats import t

    difference = incumbent - candidate
    gain = float(difference.sum() / incumbent.sum())
    block = block_days(incumbent.shape[1])
    samples = bootstrap_ratio(difference, incumbent, block, resamples, np.random.default_rng(seed))
    error = float(np.std(samples, ddof=1))
    freedom = max(min(effective_count(incumbent), incumbent.shape[1] / block) - 1, 1.0)
    if error == 0:  # equal models, or a gain that is the same in every cell
        return GainTest(gain, 0.0, gain, 0.0 if gain > 0 else 1.0, freedom)
    lower = gain - float(t.ppf(1 - alpha, freedom)) * error
    return GainTest(gain, error, lower, float(t.sf(gain / error, freedom)), freedom)


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


def bootstrap_ratio(
    numerator: Float64Array, denominator: Float64Array, block: int, resamples: int, rng: np.random.Generator
) -> Float64Array:
    """Draw workloads and blocks of days with replacement; return sum(numerator) / sum(denominator), [resamples].

    A draw is a vector of counts u over workloads and v over days, and its sums are u' X v. Memory is bounded:
    resamples are drawn in portions of CELLS_AT_ONCE counts.
    """
    workloads, days = numerator.shape
    portion = max(1, CELLS_AT_ONCE // workloads)
    parts = []
    for first in range(0, resamples, portion):
        count = min(portion, resamples - first)
        u = rng.multinomial(workloads, np.full(workloads, 1 / workloads), size=count).astype(np.float64)
        v = block_counts(days, block, count, rng)
        below = ((u @ denominator) * v).sum(axis=1)
        above = ((u @ numerator) * v).sum(axis=1)
        parts.append(np.divide(above, below, out=np.zeros(count), where=below > 0))
    return np.concatenate(parts)


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
