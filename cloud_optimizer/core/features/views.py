"""How the store serves the registry: which view a feature stands in, which service asks for it.

The Feast definitions and the online reader are both made from this, so they cannot disagree.
"""

from typing import Final

from cloud_optimizer.core.features.calendar import CALENDAR
from cloud_optimizer.core.features.registry import FEATURES, SIZED
from cloud_optimizer.core.features.spec import FeatureSpec

STORED_VIEWS: Final[dict[str, tuple[FeatureSpec, ...]]] = {
    f"{group}_features": tuple(spec for spec in FEATURES if spec.group == group)
    for group in ("workload", "temporal", "rolling", "lag", "cluster")
}
"""Views whose values are stored; `cluster_features` has the entity cluster, the others cluster and workload."""

INTERACTIONS: Final = tuple(spec for spec in FEATURES if spec.group == "interaction")
"""Features of the on-demand view `interaction_features`: computed from stored ones when they are read."""

TARGET_TIME: Final[dict[str, tuple[str, str]]] = {
    f"target_{name}": (unit, text.replace("the interval's start", "the forecast interval's start"))
    for name, (unit, text) in CALENDAR.items()
}
"""Features of the on-demand view `target_time_features`: the calendar of the interval that is forecast."""

VIEW_OF: Final[dict[str, str]] = {
    **{spec.name: f"{spec.group}_features" for spec in FEATURES},
    **dict.fromkeys(TARGET_TIME, "target_time_features"),
}

_EVERYTHING: Final = (*(spec.name for spec in FEATURES), *TARGET_TIME)

SERVICES: Final[dict[str, tuple[str, ...]]] = {
    "cloud_optimizer_training": _EVERYTHING,
    "cloud_optimizer_inference": _EVERYTHING,
    "cloud_optimizer_realtime": (
        *SIZED,
        "cpu_capacity_cores",
        "memory_capacity_bytes",
        "cpu_utilization_max",
        "memory_utilization_max",
        "off_fraction",
        "cpu_usage_cores_max_rolling_p95_24h",
        "cpu_usage_cores_max_rolling_p95_7d",
        "cpu_usage_cores_max_same_hour_max_7d",
        "memory_usage_bytes_max_rolling_max_24h",
        "memory_usage_bytes_max_rolling_max_7d",
        "cluster_cpu_utilization_max",
    ),
}
"""Service to its features, in the order in which they are returned. Realtime asks for no computation."""
