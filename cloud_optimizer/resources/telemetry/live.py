"""Sources whose telemetry goes on: looked at again, so that new clusters and later days become known."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.core.names import check_cluster
from cloud_optimizer.resources.telemetry.base import TelemetrySource
from cloud_optimizer.resources.telemetry.catalog import RegisteredSource, SourceCatalog, as_options, describe

LIVE_KINDS: Final = frozenset({"prometheus", "postgres"})


def is_live(entry: RegisteredSource) -> bool:
    """Tell whether telemetry goes on; a recorded trace, a simulated fleet and a range with an end do not."""
    return entry.kind in LIVE_KINDS and entry.options.get("end") is None


def refresh(catalog: SourceCatalog) -> tuple[str, ...]:
    """Look again at every live source and remember what is new.

    The cadence of a known cluster stays: its partitions are on that grid.

    Returns:
        What kept a source from being read, in words; the others are up to date.
    """
    known = {entry.cluster: entry for entry in catalog.entries()}
    live = {(entry.kind, as_options(entry.options)): entry.options for entry in known.values() if is_live(entry)}
    troubles = []
    for (kind, _), options in sorted(live.items(), key=lambda item: item[0]):
        try:
            source = catalog.reopen(kind, options)
            for cluster in source.clusters():
                catalog.store(_changed(source, check_cluster(cluster), options, known.get(cluster)))
        except CloudOptimizerError as error:
            troubles.append(str(error))
    return tuple(troubles)


def _changed(
    source: TelemetrySource, cluster: str, options: Mapping[str, Any], known: RegisteredSource | None
) -> list[RegisteredSource]:
    """Return what is to be stored: all of a new cluster, the extent of a known one, nothing where that is the same."""
    if known is None:
        return [describe(source, cluster, options)]
    if (known.kind, as_options(known.options)) != (source.name, as_options(options)):
        return []  # another source has the cluster since
    first, end = source.extent(cluster)
    same = (first, end) == (known.first_sample, known.end_sample)
    return [] if same else [replace(known, first_sample=first, end_sample=end)]
