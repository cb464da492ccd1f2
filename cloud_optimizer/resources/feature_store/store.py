"""The one class by which the rest of the platform reaches features."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.features.views import SERVICES
from cloud_optimizer.resources.feature_store.catalogue import Catalogue
from cloud_optimizer.resources.feature_store.offline import OfflineFeatures
from cloud_optimizer.resources.feature_store.online import OnlineFeatures


class FeatureStore(OfflineFeatures):
    """Offline features under `root`; Feast's registry and online store in the database `url`, schema `feast`.

    Args:
        url: PostgreSQL address, with or without a SQLAlchemy driver in its scheme.
        root: Folder of the Parquet features.
        redis_url: A Redis that is the online store in place of PostgreSQL, `redis://host:6379`. Reads and writes then
            go through Feast, which is slower; it needs the extra `redis`.

    Raises:
        InputError: The address of Redis cannot be used, or its client is not installed.
    """

    def __init__(self, url: str, root: Path, redis_url: str | None = None) -> None:
        super().__init__(root)
        address = f"postgresql://{url.partition('://')[2]}"
        self.catalogue = Catalogue(address, root, redis_url)
        self._online = OnlineFeatures(address)

    def apply(self) -> bool:
        """Register the Feast definitions where they changed; tell whether they did. Milliseconds where not."""
        return self.catalogue.apply()

    def write_online(self, cluster: str, rows: pl.DataFrame) -> int:
        """Make the newest row of each workload readable online; an older row never replaces a newer one.

        Args:
            cluster: Cluster of every row.
            rows: Feature rows; of several of a workload the newest counts.

        Returns:
            The number of workloads written.
        """
        if self.catalogue.redis is None:
            return self._online.write(cluster, rows)
        return self.catalogue.write_online(rows)

    def online(
        self, workloads: Sequence[tuple[str, str]], service: str, target_time: datetime | None = None
    ) -> pl.DataFrame:
        """Return the newest features of (cluster, workload_id) pairs, in their order, unknown as null.

        Args:
            workloads: Pairs; one that is not stored gets a row of nulls.
            service: Name of a feature service, such as `cloud_optimizer_inference`.
            target_time: Start of the interval that is forecast; services with features of the target time need it.

        Returns:
            cluster, workload_id, event_timestamp (when the row became known), then the service's features.
        """
        if service not in SERVICES:
            raise InputError(f"there is no feature service {service!r}: take one of {', '.join(SERVICES)}")
        if self.catalogue.redis is None:
            return self._online.read(workloads, SERVICES[service], target_time)
        return self.catalogue.online(workloads, service, target_time)

    def close(self) -> None:
        """Close the connections that were opened."""
        self._online.close()
        self.catalogue.close()
