"""Counter-based randomness: a draw is a pure function of a key and a counter, never of what was drawn before.

That is what makes a sample independent of the range in which it was asked for.
"""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Keys = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def keys_of(seed: int, cluster: str, workload_ids: Sequence[str], stream: str) -> Keys:
    """Return one 64-bit key a workload, shape [n, 1], for the draws called `stream`."""
    digests = (
        blake2b("\x1f".join((str(seed), cluster, workload, stream)).encode(), digest_size=8).digest()
        for workload in workload_ids
    )
    return np.array([int.from_bytes(digest, "little") for digest in digests], dtype=np.uint64)[:, None]


def bits(keys: Keys, counter: NDArray[np.int64]) -> Keys:
    """Return 64 random bits for each (key, counter): the SplitMix64 generator (Steele, Lea, Flood 2014) by position."""
    state: Keys = keys + (counter.astype(np.uint64) + np.uint64(1)) * _GOLDEN
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    return state ^ (state >> np.uint64(31))


def uniform(keys: Keys, counter: NDArray[np.int64]) -> Array:
    """Return uniform draws in [0, 1), shape of keys broadcast with counter."""
    return (bits(keys, counter) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(keys: Keys, counter: NDArray[np.int64]) -> Array:
    """Return standard normal draws (Box-Muller over the two halves of 64 bits)."""
    drawn = bits(keys, counter)
    radius = ((drawn >> np.uint64(32)).astype(np.float64) + 0.5) * 2.0**-32
    angle = (drawn & np.uint64(0xFFFFFFFF)).astype(np.float64) * 2.0**-32
    return np.sqrt(-2.0 * np.log(radius)) * np.cos(2.0 * np.pi * angle)


def smooth(keys: Keys, hours: Array, period: float) -> Array:
    """Return noise of unit knots every `period` hours, eased between them; shape [n, T] for hours [T]."""
    position = hours / period
    knot = np.floor(position).astype(np.int64)
    share = position - knot
    ease = share * share * (3.0 - 2.0 * share)
    return normal(keys, knot) * (1.0 - ease) + normal(keys, knot + 1) * ease
