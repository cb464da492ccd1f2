"""Verdicts of the domain as Dagster asset checks.

A run may judge several slices while Dagster keeps one result a check: the check passes when every slice does, and its
metadata name every cluster of which one failed, with the partition that automation should act on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, MetadataValue

from cloud_optimizer.partitions import Slice

FAILED = "failed"
"""Metadata of a result: cluster, partition and description of each cluster's newest failure."""


@dataclass(frozen=True)
class SliceCheck:
    """One check on one slice."""

    name: str
    part: Slice
    passed: bool
    description: str
    metadata: Mapping[str, int | float | str] = field(default_factory=dict)


def check_specs(asset: str, blocking: Mapping[str, bool], descriptions: Mapping[str, str]) -> list[AssetCheckSpec]:
    """Declare the checks of an asset by name; a blocking one stops everything downstream when it fails."""
    return [
        AssetCheckSpec(name, asset=asset, blocking=blocks, description=descriptions.get(name))
        for name, blocks in blocking.items()
    ]


def check_results(asset: str, checks: Iterable[SliceCheck], blocking: Mapping[str, bool]) -> list[AssetCheckResult]:
    """Merge the verdicts of all slices into one result a check; failed ones come first in words and metadata."""
    by_name: dict[str, list[SliceCheck]] = {}
    for check in checks:
        by_name.setdefault(check.name, []).append(check)
    return [_merged(asset, name, found, blocking[name]) for name, found in by_name.items()]


def _merged(asset: str, name: str, found: Sequence[SliceCheck], blocks: bool) -> AssetCheckResult:
    failed = [check for check in found if not check.passed]
    shown = (failed or found)[-1]
    place = {"cluster": shown.part.cluster, "partition": str(shown.part.key(shown.part.last))}
    return AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=not failed,
        severity=AssetCheckSeverity.ERROR if blocks else AssetCheckSeverity.WARN,
        description=_description(failed or found),
        metadata={**place, **shown.metadata, FAILED: MetadataValue.json(_by_cluster(failed))},
    )


def _description(checks: Sequence[SliceCheck]) -> str:
    several = len({check.part.cluster for check in checks}) > 1
    return "; ".join(f"{check.part.cluster}: {check.description}" if several else check.description for check in checks)


def _by_cluster(failed: Sequence[SliceCheck]) -> list[dict[str, str]]:
    places = []
    for cluster in dict.fromkeys(check.part.cluster for check in failed):
        own = [check for check in failed if check.part.cluster == cluster]
        newest = max((check.part for check in own), key=lambda part: part.last)
        places.append({"cluster": cluster, "partition": str(newest.key(newest.last)), "description": _description(own)})
    return places
