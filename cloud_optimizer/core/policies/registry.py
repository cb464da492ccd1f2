"""All policies by name."""

from collections.abc import Sequence
from datetime import timedelta

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.policies.krr import Krr
from cloud_optimizer.core.policies.kruize import Kruize
from cloud_optimizer.core.policies.oracle import Oracle
from cloud_optimizer.core.policies.ours import our_policy
from cloud_optimizer.core.policies.plan import Policy
from cloud_optimizer.core.policies.seasonal import HourOfDayQuantile, SeasonalNaiveQuantile
from cloud_optimizer.core.policies.static import Static
from cloud_optimizer.core.policies.vpa import VerticalPodAutoscaler
from cloud_optimizer.core.policies.window import WindowQuantile
from cloud_optimizer.core.replay.settings import ReplaySettings

BASELINES: tuple[Policy, ...] = (
    Static(),
    VerticalPodAutoscaler(),
    Krr(),
    Krr("krr_simple_limit", 0.66),
    Krr("krr_p99", 0.99),
    WindowQuantile("crane", timedelta(hours=168), 0.99, 1.15),
    Kruize("kruize_cost", 0.6, maximum_below_one_core=False),
    Kruize("kruize_performance", 0.98, maximum_below_one_core=True),
    WindowQuantile("moving_max_7d", timedelta(days=7), 1.0),
    WindowQuantile("p99_14d", timedelta(days=14), 0.99),
    HourOfDayQuantile(),
    SeasonalNaiveQuantile(),
    Oracle("daily"),
    Oracle("hourly"),
)


OURS = "cloud_optimizer"


def policy_names() -> tuple[str, ...]:
    """Return the names of all policies, ours last."""
    return (*(policy.name for policy in BASELINES), OURS)


def policies_for(settings: ReplaySettings, names: Sequence[str] = ()) -> tuple[Policy, ...]:
    """Return the policies with these names for a contract, in this order; all of them for no names.

    Raises:
        InputError: A name is unknown.
    """
    known: dict[str, Policy] = {policy.name: policy for policy in BASELINES}
    known[OURS] = our_policy(settings)
    for name in names:
        if name not in known:
            raise InputError(f"there is no policy {name!r}: choose from {', '.join(known)}")
    return tuple(known[name] for name in names or known)
