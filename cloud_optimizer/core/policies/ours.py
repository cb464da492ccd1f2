"""The preferences our policy takes for each contract, tuned by reasoning on part of the public traces.

The prices are in cores: `time` is what an always-short workload may cost, `volume` what one unmet core may cost. How
they were found and what they reach stands in docs/policies.md.
"""

from datetime import timedelta

from cloud_optimizer.core.policies.cloud_optimizer import CloudOptimizer, at_price
from cloud_optimizer.core.policies.curves import DailyPeaks, LearnedModel, OwnHistory
from cloud_optimizer.core.policies.plan import Policy
from cloud_optimizer.core.replay.settings import ReplaySettings
from cloud_optimizer.core.sizing.error_budget import ErrorBudget
from cloud_optimizer.core.sizing.learned import LearnedSettings
from cloud_optimizer.core.sizing.objective import MEMORY_SIZING, ShortagePrice, SizingSettings
from cloud_optimizer.core.sizing.peaks import PeakSettings
from cloud_optimizer.core.sizing.recent import RecentSettings

FEW_CHANGES = 3
"""Changes a workload-day below which the price of a change is what keeps within them."""


def our_policy(settings: ReplaySettings) -> Policy:
    """Return our policy with the preferences for the contract of `settings`."""
    if settings.cadence == "hourly":
        return _hourly(settings)
    return _daily_cpu(settings) if settings.resource == "cpu" else _daily_memory(settings)


def _daily_cpu(settings: ReplaySettings) -> CloudOptimizer:
    sizing = _sizing(settings, _price(3.0, 44.0), change_cost=0.003, change_cost_relative=0.01)
    others = (_price(2.0, 24.0), _price(16.0, 16.0), _price(100.0, 16.0), _price(300.0, 20.0), _price(1000.0, 40.0))
    return CloudOptimizer(sizing, OwnHistory(RecentSettings()), budget=ErrorBudget(), alternatives=others)


def _daily_memory(settings: ReplaySettings) -> CloudOptimizer:
    """A day with a sample over the limit is a day with a kill: the budget counts such days and nothing else."""
    sizing = _sizing(settings, _price(10.0, 0.0), change_cost=0.002, change_cost_relative=0.05)
    budget = ErrorBudget(violating_observations=None, unmet_volume=None, violating_workload_days=0.024)
    others = (_price(2.0, 0.0), _price(200.0, 0.0))
    return CloudOptimizer(sizing, DailyPeaks(PeakSettings()), budget=budget, alternatives=others)


def _hourly(settings: ReplaySettings) -> CloudOptimizer:
    """Where changes are few, a change must bring more; where a shortage ends with its first sample, it costs less."""
    few = settings.max_changes_per_day is not None and settings.max_changes_per_day < FEW_CHANGES
    price = _price(20.0, 24.0) if settings.raise_within_hour else _price(1.0, 110.0)
    if few:
        sizing = _sizing(settings, price, change_cost=0.15, change_cost_relative=0.6)
    elif settings.raise_within_hour:  # a raise is a change that nobody can leave out
        sizing = _sizing(settings, price, change_cost=0.05, change_cost_relative=0.2)
    else:
        sizing = _sizing(settings, price, change_cost=0.02, change_cost_relative=0.1)
    unit = _unit(settings)
    fallback = OwnHistory(RecentSettings(lookback=timedelta(days=14)))
    learned = LearnedSettings(first_only=settings.raise_within_hour)
    source = LearnedModel(learned, fallback, settings.smallest, unit)
    others = (_price(1.0, 40.0), _price(20.0, 60.0), _price(100.0, 100.0), _price(400.0, 250.0))
    return CloudOptimizer(sizing, source, budget=ErrorBudget(), raises=settings.raise_within_hour, alternatives=others)


def _price(time: float, volume: float) -> ShortagePrice:
    return ShortagePrice(time=time, volume=volume)


def _unit(settings: ReplaySettings) -> float:
    return SizingSettings().unit if settings.resource == "cpu" else MEMORY_SIZING.unit


def _sizing(
    settings: ReplaySettings, price: ShortagePrice, *, change_cost: float, change_cost_relative: float
) -> SizingSettings:
    base = SizingSettings() if settings.resource == "cpu" else MEMORY_SIZING
    preferences = {
        "change_cost": change_cost,
        "change_cost_relative": change_cost_relative,
        "floor": settings.smallest / base.unit,
    }
    return at_price(base, price).model_copy(update=preferences)
