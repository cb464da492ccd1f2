"""The preferences our policy takes for each contract, tuned by reasoning on part of the public traces.

The prices are in cores: `time` is what an always-short workload may cost, `volume` what one unmet core may cost. How
they were found and what they reach stands in docs/policies.md.
"""

from cloud_optimizer.core.policies.cloud_optimizer import CloudOptimizer, priced
from cloud_optimizer.core.policies.plan import Policy
from cloud_optimizer.core.replay.settings import ReplaySettings
from cloud_optimizer.core.sizing.objective import MEMORY_SIZING, ShortagePrice, SizingSettings
from cloud_optimizer.core.sizing.recent import RecentSettings

DAILY_LADDER = tuple(
    ShortagePrice(time=time, volume=volume)
    for time, volume in ((2.0, 16.0), (20.0, 16.0), (100.0, 16.0), (1000.0, 16.0))
)


def our_policy(settings: ReplaySettings) -> Policy:
    """Return our policy with the preferences for the contract of `settings`."""
    base = SizingSettings() if settings.resource == "cpu" else MEMORY_SIZING
    sizing = priced(base, ShortagePrice(time=3.0, volume=40.0)).model_copy(
        update={"change_cost": 0.02, "change_cost_relative": 0.05, "floor": settings.smallest / base.unit}
    )
    return CloudOptimizer(sizing, RecentSettings(), DAILY_LADDER)
