"""The feature store: Parquet offline, PostgreSQL or Redis online, Feast as the catalogue over both.

Reading offline features and online rows imports no Feast; applying definitions and materializing do.
"""

from cloud_optimizer.resources.feature_store.store import FeatureStore

__all__ = ["FeatureStore"]
