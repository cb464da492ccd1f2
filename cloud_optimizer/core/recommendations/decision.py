"""The decision table: sizes, risks and evidence of each workload, one row each, columns prefixed by resource."""

from typing import Final

import numpy as np
import polars as pl

from cloud_optimizer.core.contracts import Resource
from cloud_optimizer.core.recommendations.curves import outlook
from cloud_optimizer.core.recommendations.demand import DemandHistory
from cloud_optimizer.core.recommendations.evidence import least_memory, observed_hours, seasonal_ratio, spread
from cloud_optimizer.core.recommendations.findings import inconclusive, insufficient, is_under
from cloud_optimizer.core.recommendations.inputs import RecommendationInputs, Trust
from cloud_optimizer.core.recommendations.money import cost_of, with_prices
from cloud_optimizer.core.recommendations.observed import RESOURCES, Observed, observe
from cloud_optimizer.core.recommendations.scaling import scale_out
from cloud_optimizer.core.recommendations.settings import RecommendationSettings
from cloud_optimizer.core.recommendations.sizes import Sizes, Wishes, at_least, choose, rounded
from cloud_optimizer.core.sizing.curve import Array

SIZES: Final = ("current", "target", "lower", "upper", "uncapped", "conservative", "aggressive")
RISKS: Final = ("current", "target", "conservative", "aggressive")


def decision_table(
    inputs: RecommendationInputs, preferences: pl.DataFrame, settings: RecommendationSettings
) -> pl.DataFrame:
    """Size CPU and memory of the workloads in `preferences`; keep what is where too little is known to change it.

    Args:
        inputs: Frames of the cluster; rows of other workloads are ignored.
        preferences: One row a workload, all columns of `PREFERENCES_SCHEMA`.
        settings: Preferences of the platform.

    Returns:
        The preferences, coverage and prices of each workload, and for each resource the sizes of `SIZES`, the risks
        of `RISKS`, hours, percentiles, mean demand, utilization, and the masks fallback, floored and waiting.
    """
    seen = observe(inputs, preferences, settings)
    facts = with_prices(preferences.drop("lookback_days").hstack(seen.coverage), inputs.prices, settings.prices)
    facts = facts.with_columns(column for name in RESOURCES for column in _evidence(name, seen.past[name]))
    chosen = {name: _sizes(name, seen, preferences, inputs, settings) for name in RESOURCES}
    scaling = scale_out(seen.past["cpu"], seen.ahead["cpu"][1], chosen["cpu"], facts, settings)
    sizes: dict[Resource, Sizes] = {"cpu": scaling.cpu(chosen["cpu"]), "memory": scaling.memory(chosen["memory"])}
    held = facts.with_columns(_columns(sizes)).select(_is_held(settings, inputs.trust)).to_series().to_numpy()
    columns = _columns({name: size.held(held) for name, size in sizes.items()})
    return facts.with_columns(*columns, *scaling.columns(held))


def _sizes(
    name: Resource,
    observed: Observed,
    preferences: pl.DataFrame,
    inputs: RecommendationInputs,
    settings: RecommendationSettings,
) -> Sizes:
    past = observed.past[name]
    is_cpu, limits = name == "cpu", settings.history
    demand = past.saturated(limits.saturated_utilization, limits.saturated_factor)
    mean, peak = (
        past.reachable(quantiles, limits.saturated_utilization, limits.saturated_factor)
        for quantiles in observed.ahead[name]
    )
    seen = outlook(
        demand,
        (mean, peak),
        np.zeros(preferences.height) if is_cpu else least_memory(past, settings.memory_guard),
        trusted=inputs.trust.in_model(name),
        recent=limits.recent,
        pool=settings.cpu_pool if is_cpu else settings.memory_pool,
    )
    wishes = Wishes(
        objective=settings.cpu if is_cpu else settings.memory,
        robust=settings.cpu_fallback if is_cpu else settings.memory_fallback,
        default_slo=settings.slo_class,
        option_factor=settings.option_factor,
        origin=inputs.origin,
    )
    chosen = choose(seen, past.last_capacity(), preferences, wishes)
    if name == "memory":
        replicas = observed.coverage["replicas"].fill_null(1.0).clip(lower_bound=1.0).to_numpy()
        after_kill = preferences["oom_memory_bytes"].to_numpy() * settings.history.oom_factor * replicas
        return rounded(at_least(chosen, after_kill), settings.memory_step_bytes)
    return rounded(chosen, settings.cpu_step_cores)


def _is_held(settings: RecommendationSettings, trust: Trust) -> pl.Expr:
    """Return where nothing is changed: too little is known, or the saving is too small to act on."""
    saving = cost_of("current") - cost_of("target")
    too_small = (saving < settings.minimum_monthly_saving) & ~is_under("cpu") & ~is_under("memory")
    return (insufficient(settings) | inconclusive(settings, trust) | too_small).fill_null(True)


def _evidence(name: Resource, past: DemandHistory) -> list[pl.Series]:
    seen = spread(past)
    values = {
        "hours": observed_hours(past),
        "p50": seen.p50,
        "p95": seen.p95,
        "p99": seen.p99,
        "max": seen.highest,
        "seasonal": seasonal_ratio(past),
    }
    return [_series(f"{name}_{column}", array) for column, array in values.items()]


def _columns(sizes: dict[Resource, Sizes]) -> list[pl.Series]:
    columns = []
    for name, size in sizes.items():
        columns += [_series(f"{name}_{kind}", getattr(size, kind)) for kind in SIZES]
        columns += [_series(f"{name}_risk_{kind}", size.risk(getattr(size, kind))) for kind in RISKS]
        columns += [pl.Series(f"{name}_{kind}", getattr(size, kind)) for kind in ("fallback", "floored", "waiting")]
        served = size.curve.expected_unmet(size.target * 0.0) - size.curve.expected_unmet(size.target)
        with np.errstate(divide="ignore", invalid="ignore"):
            columns.append(_series(f"{name}_utilization", np.where(size.target > 0, served / size.target, np.nan)))
    return columns


def _series(name: str, values: Array) -> pl.Series:
    """Return a column in which unknown is null."""
    return pl.Series(name, values, dtype=pl.Float64).fill_nan(None)
