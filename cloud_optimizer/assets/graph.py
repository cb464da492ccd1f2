"""What every asset of the graph shares: partitions, backfill policy, owner and names of groups."""

from typing import Any

from cloud_optimizer.partitions import BACKFILL_POLICY, PARTITIONS

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
    }
