"""What the registry says about one feature, and the vocabulary it says it in."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

Group = Literal["workload", "temporal", "rolling", "lag", "cluster", "interaction"]

GROUPS: Final[tuple[Group, ...]] = ("workload", "temporal", "rolling", "lag", "cluster", "interaction")

Transform = Literal[
    "observation",  # the roll-up column itself
    "ratio",  # sources[0] / sources[1], unknown where the divisor is 0
    "difference",  # sources[0] - sources[1]
    "product",  # sources[0] * sources[1]
    "zscore",  # (sources[0] - sources[1]) / sources[2], unknown where the divisor is 0
    "lag",  # the value one window earlier
    "change",  # the value minus the value one window earlier
    "rolling",  # a statistic over the window that ends with the row
    "same_hour",  # a statistic over the same time of day on each of the window's days before the row
    "calendar",  # from the time stamp alone
    "across",  # a statistic over the workloads of the cluster
]

Statistic = Literal["mean", "std", "min", "p50", "p95", "max", "sum", "count"]


@dataclass(frozen=True)
class FeatureSpec:
    """One feature of a row (cluster, workload, interval).

    Args:
        name: Column name.
        unit: Unit of the value; `1` for a ratio or a cyclic coordinate.
        sources: Columns it is computed from: observations, or features listed before it.
        window: Duration it looks back over, the row's own interval included; null for the row alone.
        group: The part of the store it lives in.
        transform: How it is computed.
        statistic: Which statistic, for the transforms that take one.
        description: One sentence for people.
    """

    name: str
    unit: str
    sources: tuple[str, ...]
    window: timedelta | None
    group: Group
    transform: Transform
    description: str
    statistic: Statistic | None = None
    dtype: str = "float32"


def window_label(window: timedelta) -> str:
    """Return a window as it stands in names: whole days from a week on in days, else hours (`24h`, `7d`)."""
    days = window // timedelta(days=1)
    return f"{days}d" if days >= 7 and window == timedelta(days=days) else f"{window // timedelta(hours=1)}h"
