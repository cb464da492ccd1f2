"""What every asset of the graph shares: partitions, backfill policy, owner and names of groups."""

from datetime import timedelta
from typing import Any

from dagster import FreshnessPolicy

from cloud_optimizer.partitions import BACKFILL_POLICY, PARTITIONS

TAGS = {"domain": "capacity-planning"}
DAILY = FreshnessPolicy.time_window(fail_window=timedelta(hours=48), warn_window=timedelta(hours=36))
TRAINED = FreshnessPolicy.time_window(fail_window=timedelta(days=21), warn_window=timedelta(days=15))
"""When the UI calls an asset late: a day's work, and a training (whose models may be 14 days old)."""

OWNERS = ["team:platform"]
MODEL_OWNERS = ["team:machine-learning"]


def partitioned(group: str, kinds: set[str], owners: list[str] = OWNERS) -> dict[str, Any]:
    """Return the arguments of `@asset` that are the same for every asset of a group."""
    return {
        "group_name": group,
        "partitions_def": PARTITIONS,
        "backfill_policy": BACKFILL_POLICY,
        "kinds": kinds,
        "owners": owners,
        "tags": TAGS,
        "freshness_policy": TRAINED if group in {"training", "champion"} else DAILY,
    }
