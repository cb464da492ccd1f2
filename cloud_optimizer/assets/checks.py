"""Verdicts of the domain as Dagster asset checks.

A run may judge several slices while Dagster keeps one result a check: the check passes when every slice does, and the
metadata name the cluster and the partition that automation should act on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec

from cloud_optimizer.partitions import Slice


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
    severity = AssetCheckSeverity.ERROR if blocks else AssetCheckSeverity.WARN
    place = {"cluster": shown.part.cluster, "partition": str(shown.part.key(shown.part.last))}
    return AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=not failed,
        severity=severity,
        description="; ".join(check.description for check in failed or found),
        metadata={**place, **shown.metadata},
    )
