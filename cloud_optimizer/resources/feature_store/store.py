"""The one class by which the rest of the platform reaches features."""

from pathlib import Path

from cloud_optimizer.resources.feature_store.offline import OfflineFeatures


class FeatureStore(OfflineFeatures):
    """Offline features under `root`, registry and online store in the database `url`.

    Args:
        url: PostgreSQL address (`postgresql://...`); its schema `feast` holds registry and online store.
        root: Folder of the Parquet features.
    """

    def __init__(self, url: str, root: Path) -> None:
        super().__init__(root)
        self.url = url
