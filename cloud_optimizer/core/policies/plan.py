"""The protocol of a policy: from history to what it would provision at every decision."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.panel import FloatArray
from cloud_optimizer.core.policies.history import History

Array = NDArray[np.float64]
Slots = NDArray[np.intp]


@dataclass(frozen=True)
class Plan:
    """Proposals of one policy for n workloads at D decisions, in the resource's unit; NaN is undefined.

    A proposal is applied where the capacity in force is outside [lower, upper], or differs from the target by
    `tolerance` or more after `patience` slots without a change. Undefined proposals keep what is in force.

    Args:
        decisions: Slots at which decisions are taken, ascending, shape [D].
        target: Capacity to provision, shape [n, D].
        lower: Below it the proposal is applied, shape [n, D]; the target where missing.
        upper: Above it the proposal is applied, shape [n, D]; the target where missing.
        patience: Slots without a change after which `tolerance` counts; never where missing.
        tolerance: Relative difference to the capacity in force.
        raise_to: Capacity for the rest of the hour once a sample was over capacity, shape [n, D]; where missing,
            what is provisioned today.
        risk: Stated shortage of the coming period at the `stated_sizes` of lower, target and upper, shape [P, n, D];
            missing where a policy states none.
        risk_counts_periods: Whether that is the chance of any sample over capacity, not the share of the time.
        alternatives: The same policy at other preferences: a comparison at equal violations may choose among them.
    """

    decisions: Slots
    target: Array
    lower: Array | None = None
    upper: Array | None = None
    patience: int | None = None
    tolerance: float = 0.0
    raise_to: Array | None = None
    risk: FloatArray | None = None
    risk_counts_periods: bool = False
    alternatives: "tuple[Plan, ...]" = ()


def stated_sizes(lower: Array, target: Array, upper: Array, count: int) -> Array:
    """Return the sizes whose risk a plan states, ascending, shape [count, n].

    Args:
        lower: Lower bound, shape [n].
        target: Middle one of the sizes, shape [n].
        upper: Upper bound, shape [n].
        count: How many, an odd number: as many evenly below the target as above it.

    Raises:
        ValueError: The count is even.
    """
    if count % 2 == 0:
        raise ValueError(f"{count} sizes have no middle one: state an odd number")
    steps = np.linspace(0.0, 1.0, count // 2 + 1)[:, None]
    below, above = lower + steps * (target - lower), target + steps * (upper - target)
    return np.concatenate([below, above[1:]])


class Policy(Protocol):
    """A sizing policy. Its proposal at a decision depends on slots before the decision only, except an oracle's."""

    @property
    def name(self) -> str:
        """Name in tables."""
        ...

    def plan(self, history: History) -> Plan:
        """Return the proposals for every workload and decision of `history`."""
        ...
