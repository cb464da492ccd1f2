"""The preferences our policy takes for each contract, tuned by reasoning on part of the public traces.

The prices are in cores: `time` is what an always-short workload may cost, `volume` what one unmet core may cost. How
they were found and what they reach stands in docs/policies.md.
"""

from datetime import timedelta

from cloud_optimizer.core.policies.cloud_optimizer import CloudOptimizer, priced
from cloud_optimizer.core.policies.curves import LearnedModel, OwnHistory
from cloud_optimizer.core.policies.plan import Policy
from cloud_optimizer.core.replay.settings import ReplaySettings
from cloud_optimizer.core.sizing.learned import LearnedSettings
from cloud_optimizer.core.sizing.objective import MEMORY_SIZING, ShortagePrice, SizingSettings
from cloud_optimizer.core.sizing.recent import RecentSettings

DAILY_LADDER = tuple(
    ShortagePrice(time=time, volume=volume)
    for time, volume in ((2.0, 16.0), (20.0, 16.0), (100.0, 16.0), (1000.0, 16.0))
)
HOURLY_LADDER = tuple(
    ShortagePrice(time=time, volume=volume) for time, volume in ((0.5, 16.0), (20.0, 60.0), (200.0, 250.0))
)


def our_policy(settings: ReplaySettings) -> Policy:
    """Return our policy with the preferences for the contract of `settings`."""
    return _hourly(settings) if settings.cadence == "hourly" else _daily(settings)


def _daily(settings: ReplaySettings) -> CloudOptimizer:
    sizing = _sizing(settings, ShortagePrice(time=2.0, volume=44.0), change_cost=0.02, change_cost_relative=0.05)
    return CloudOptimizer(sizing, OwnHistory(RecentSettings()), DAILY_LADDER)


def _hourly(settings: ReplaySettings) -> CloudOptimizer:
    if settings.raise_within_hour:
        sizing = _sizing(settings, ShortagePrice(time=20.0, volume=5.0), change_cost=0.05, change_cost_relative=0.2)
    elif settings.max_changes_per_day == 1:
        sizing = _sizing(settings, ShortagePrice(time=0.5, volume=80.0), change_cost=0.15, change_cost_relative=0.6)
    else:
        sizing = _sizing(settings, ShortagePrice(time=0.5, volume=80.0), change_cost=0.02, change_cost_relative=0.1)
    base = SizingSettings() if settings.resource == "cpu" else MEMORY_SIZING
    fallback = OwnHistory(RecentSettings(lookback=timedelta(days=14)))
    source = LearnedModel(LearnedSettings(), fallback, settings.smallest, base.unit)
    return CloudOptimizer(sizing, source, HOURLY_LADDER)


def _sizing(
    settings: ReplaySettings, price: ShortagePrice, *, change_cost: float, change_cost_relative: float
) -> SizingSettings:
    base = SizingSettings() if settings.resource == "cpu" else MEMORY_SIZING
    preferences = {
        "change_cost": change_cost,
        "change_cost_relative": change_cost_relative,
        "floor": settings.smallest / base.unit,
    }
    return priced(base, price).model_copy(update=preferences)
